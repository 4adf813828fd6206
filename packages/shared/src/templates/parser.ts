import type { Command, List, Node, Operand, Pipe, Template } from './ast.ts';
import { parseError, readTokens, type Token } from './lexer.ts';
import { readCharacter, readNumber, readString } from './literals.ts';
import { quote } from './values.ts';

/** Blocks and parentheses within one another: more is a mistake or an attack, and would exhaust the stack. */
const DEEPEST = 100;

/** @throws TemplateError when the source is no template; `isFunction` tells which functions exist. */
export function parseTemplate(name: string, source: string, isFunction: (name: string) => boolean): Template {
  const parser = new Parser(name, source, isFunction);
  return { name, source, root: parser.parseRoot(), defined: parser.defined };
}

type BlockEnd = 'end' | 'else';

class Parser {
  readonly defined = new Map<string, List>();
  readonly #name: string;
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #isFunction: (name: string) => boolean;
  #at = 0;
  #depth = 0;
  #rangeDepth = 0;
  /** The variables in scope, innermost last. */
  #variables: string[] = ['$'];

  constructor(name: string, source: string, isFunction: (name: string) => boolean) {
    this.#name = name;
    this.#source = source;
    this.#tokens = readTokens(name, source);
    this.#isFunction = isFunction;
  }

  parseRoot(): List {
    const nodes: Node[] = [];
    while (this.#peek().kind !== 'end') {
      const ended = this.#parseNode(nodes, true);
      if (ended !== undefined) throw this.#error(`unexpected {{${ended}}}`);
    }
    return nodes;
  }

  /** Reads one text or action; tells when it was the end of a block. */
  #parseNode(nodes: Node[], isTop: boolean): BlockEnd | undefined {
    const token = this.#next();
    if (token.kind === 'text') {
      nodes.push({ kind: 'text', at: token.at, text: token.text });
      return undefined;
    }
    const word = this.#peek();
    if (word.kind !== 'keyword' || word.text === 'nil') {
      const pipe = this.#parsePipe('command', 'close');
      nodes.push({ kind: 'action', at: word.at, pipe });
      return undefined;
    }
    this.#next();
    switch (word.text) {
      case 'end':
        this.#expectClose('end');
        return 'end';
      case 'else':
        // `else if` and `else with` keep their word for the block that continues with it.
        if (this.#peek().kind !== 'keyword') this.#expectClose('else');
        return 'else';
      case 'if':
      case 'with':
      case 'range':
        nodes.push(this.#parseBlock(word.text, word.at));
        return undefined;
      case 'break':
      case 'continue':
        if (this.#rangeDepth === 0) throw this.#error(`{{${word.text}}} outside {{range}}`);
        this.#expectClose(`{{${word.text}}}`);
        nodes.push({ kind: word.text, at: word.at });
        return undefined;
      case 'define':
        if (!isTop) throw this.#error('unexpected {{define}}');
        this.#parseDefine('define clause');
        return undefined;
      case 'block': {
        const { name, pipe } = this.#parseDefine('block clause', true);
        nodes.push({ kind: 'template', at: word.at, name, pipe });
        return undefined;
      }
      default: {
        const name = this.#parseName('template clause');
        const pipe = this.#peek().kind === 'close' ? undefined : this.#parsePipe('template clause', 'close');
        if (pipe === undefined) this.#next();
        nodes.push({ kind: 'template', at: word.at, name, pipe });
        return undefined;
      }
    }
  }

  #parseBlock(kind: 'if' | 'with' | 'range', at: number): Node {
    return this.#nested(() => {
      const inScope = this.#variables.length;
      const pipe = this.#parsePipe(kind, 'close');
      if (kind === 'range') this.#rangeDepth += 1;
      const { list, ended } = this.#parseList();
      if (kind === 'range') this.#rangeDepth -= 1;
      const otherwise = ended === 'else' ? this.#parseElse(kind) : [];
      this.#variables.length = inScope;
      return { kind, at, pipe, list, otherwise };
    });
  }

  #parseElse(kind: 'if' | 'with' | 'range'): List {
    const word = this.#peek();
    if (word.kind === 'keyword') {
      this.#next();
      // `{{else if x}}…{{end}}` is `{{else}}{{if x}}…{{end}}{{end}}`.
      if (word.text === kind && kind !== 'range') return [this.#parseBlock(kind, word.at)];
      throw this.#unexpected(word, 'else');
    }
    const { list, ended } = this.#parseList();
    if (ended === 'else') throw this.#error('expected end; found {{else}}');
    return list;
  }

  #parseList(): { readonly list: List; readonly ended: BlockEnd } {
    const list: Node[] = [];
    for (;;) {
      if (this.#peek().kind === 'end') throw this.#error('unexpected EOF');
      const ended = this.#parseNode(list, false);
      if (ended !== undefined) return { list, ended };
    }
  }

  #parseDefine(context: string, hasPipe = false): { readonly name: string; readonly pipe: Pipe | undefined } {
    const name = this.#parseName(context);
    const pipe = hasPipe ? this.#parsePipe(context, 'close') : undefined;
    if (!hasPipe) this.#expectClose(context);
    const outside = { variables: this.#variables, rangeDepth: this.#rangeDepth };
    this.#variables = ['$'];
    this.#rangeDepth = 0;
    const { list, ended } = this.#nested(() => this.#parseList());
    if (ended === 'else') throw this.#error(`unexpected {{else}} in ${context}`);
    this.#variables = outside.variables;
    this.#rangeDepth = outside.rangeDepth;
    if (!hasPipe && this.defined.has(name)) throw this.#error(`template: multiple definition of template ${quote(name)}`);
    this.defined.set(name, list);
    return { name, pipe };
  }

  #parseName(context: string): string {
    const token = this.#next();
    if (token.kind !== 'string' && token.kind !== 'raw-string') throw this.#unexpected(token, context);
    return this.#readString(token);
  }

  #parsePipe(context: string, until: 'close' | 'right-paren'): Pipe {
    const at = this.#peek().at;
    const { variables, assigns } = this.#parseDeclaration(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === until) {
        this.#next();
        break;
      }
      commands.push(this.#parseCommand(context));
    }
    if (commands.length === 0) throw this.#error(`missing value for ${context}`);
    for (const [position, { operands }] of commands.entries()) {
      const kind = operands[0]?.kind;
      if (position > 0 && (kind === 'literal' || kind === 'nil' || kind === 'dot')) {
        throw this.#error(`non executable command in pipeline stage ${position + 1}`);
      }
    }
    if (!assigns) this.#variables.push(...variables);
    return { at, variables, assigns, commands };
  }

  /** `$x :=`, `$x =`, and in a range also `$i, $x :=`. */
  #parseDeclaration(context: string): { readonly variables: readonly string[]; readonly assigns: boolean } {
    const [first, second, third, fourth] = this.#tokens.slice(this.#at, this.#at + 4);
    const isSign = (token: Token | undefined) => token?.kind === 'declare' || token?.kind === 'assign';
    let variables: string[] = [];
    let sign: Token | undefined;
    if (first?.kind === 'variable' && isSign(second)) {
      variables = [first.text];
      sign = second;
      this.#at += 2;
    } else if (first?.kind === 'variable' && second?.kind === 'comma') {
      if (context !== 'range') throw this.#error(`too many declarations in ${context}`);
      if (third?.kind !== 'variable' || !isSign(fourth)) throw this.#error('range can only initialize variables');
      variables = [first.text, third.text];
      sign = fourth;
      this.#at += 4;
    }
    const assigns = sign?.kind === 'assign';
    if (assigns) for (const variable of variables) this.#checkVariable(variable);
    return { variables, assigns };
  }

  #parseCommand(context: string): Command {
    const { at } = this.#peek();
    const operands: Operand[] = [];
    for (;;) {
      const operand = this.#parseOperand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#peek();
      if (token.kind === 'close' || token.kind === 'right-paren') break;
      if (token.kind === 'pipe') {
        this.#next();
        if (operands.length > 0 && (this.#peek().kind === 'close' || this.#peek().kind === 'right-paren')) {
          throw this.#error(`missing value for ${context}`);
        }
        break;
      }
      if (operand === undefined || !token.spaced) throw this.#unexpected(token, 'operand');
    }
    if (operands.length === 0) throw this.#error('empty command');
    return { at, operands };
  }

  #parseOperand(): Operand | undefined {
    const token = this.#peek();
    const start = this.#parseTerm(token);
    if (start === undefined) return undefined;
    const path: string[] = [];
    let at = token.at;
    for (let field = this.#peek(); field.kind === 'field' && !field.spaced; field = this.#peek()) {
      if (path.length === 0) at = field.at;
      path.push(field.text.slice(1));
      this.#next();
    }
    if (path.length === 0) return start;
    // Go gives a chain of fields the place of its second link.
    if (start.kind === 'field' || start.kind === 'variable') return { ...start, at, path: [...start.path, ...path] };
    if (start.kind === 'pipe') return { ...start, at, path };
    if (start.kind === 'function') {
      const command: Command = { at: start.at, operands: [start] };
      return { kind: 'pipe', at, pipe: { at: start.at, variables: [], assigns: false, commands: [command] }, path };
    }
    throw this.#error(`unexpected . after term ${quote(token.text)}`);
  }

  #parseTerm(token: Token): Operand | undefined {
    const { at, text } = token;
    switch (token.kind) {
      case 'identifier':
        this.#next();
        if (!this.#isFunction(text)) throw this.#error(`function ${quote(text)} not defined`);
        return { kind: 'function', at, name: text };
      case 'dot':
        this.#next();
        return { kind: 'dot', at };
      case 'keyword':
        if (text !== 'nil') return undefined;
        this.#next();
        return { kind: 'nil', at };
      case 'field':
        this.#next();
        return { kind: 'field', at, path: [text.slice(1)] };
      case 'variable':
        this.#next();
        this.#checkVariable(text);
        return { kind: 'variable', at, name: text, path: [] };
      case 'boolean':
        this.#next();
        return { kind: 'literal', at, value: text === 'true', source: text };
      case 'number':
      case 'character': {
        this.#next();
        const value = token.kind === 'number' ? readNumber(text) : readCharacter(text);
        if (value === undefined)
          throw this.#error(token.kind === 'number' ? `bad number syntax: ${quote(text)}` : `malformed character constant: ${text}`);
        return { kind: 'literal', at, value, source: text };
      }
      case 'string':
      case 'raw-string':
        this.#next();
        return { kind: 'literal', at, value: this.#readString(token), source: text };
      case 'left-paren': {
        this.#next();
        const pipe = this.#nested(() => this.#parsePipe('parenthesized pipeline', 'right-paren'));
        return { kind: 'pipe', at, pipe, path: [] };
      }
      default:
        return undefined;
    }
  }

  #readString(token: Token): string {
    if (token.kind === 'raw-string') return token.text.slice(1, -1).replaceAll('\r', '');
    const value = readString(token.text);
    if (value === undefined) throw this.#error('invalid syntax');
    return value;
  }

  #checkVariable(variable: string): void {
    if (!this.#variables.includes(variable)) throw this.#error(`undefined variable ${quote(variable)}`);
  }

  #nested<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw this.#error(`blocks and parentheses are nested more than ${DEEPEST} deep`);
    const parsed = parse();
    this.#depth -= 1;
    return parsed;
  }

  #peek(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }

  #expectClose(context: string): void {
    const token = this.#next();
    if (token.kind !== 'close') throw this.#unexpected(token, context);
  }

  #unexpected(token: Token, context: string): Error {
    const shown =
      token.kind === 'keyword' ? `<${token.text}>` : token.text.length > 10 ? `${quote(token.text.slice(0, 10))}...` : quote(token.text);
    return this.#error(`unexpected ${shown} in ${context}`);
  }

  #error(message: string): Error {
    return parseError(this.#name, this.#source, this.#tokens[Math.max(0, this.#at - 1)]?.at ?? 0, message);
  }
}
