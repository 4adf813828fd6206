import { assertNever } from '../runtime/assert-never.ts';
import { type Command, type List, type Node, type Operand, type Pipe, printCommand, printOperand, type Template } from './ast.ts';
import type { TemplateFunctions } from './functions.ts';
import { TemplateError } from './template-error.ts';
import { isList, isMap, isTrue, printValue, quote, sortedEntries, TemplateStruct, typeName, type Value } from './values.ts';

/** What one expansion may cost: templates come from users, and run in the manager. */
export interface TemplateLimits {
  /** UTF-16 units of the result, and of any value on the way. */
  readonly outputLength: number;
  /** Nodes and operands evaluated, and `TEXT_PER_STEP` of what functions read or make. */
  readonly steps: number;
  /** Blocks, parentheses and called templates within one another. */
  readonly depth: number;
}

export const TEMPLATE_LIMITS: TemplateLimits = { outputLength: 1_048_576, steps: 100_000, depth: 200 };

/** UTF-16 units of text that a function works on in one step (a map that is ranged over is sorted first: a step for each key). */
const TEXT_PER_STEP = 64;

/** What was taken of `TemplateLimits.steps`, by all templates that are expanded for one purpose. */
export interface TemplateCost {
  steps: number;
}

/** @throws TemplateError, worded as Go words it, with the place in the template. */
export function evaluateTemplate(
  template: Template,
  functions: TemplateFunctions,
  data: Value,
  limits = TEMPLATE_LIMITS,
  cost: TemplateCost = { steps: 0 },
): string {
  return new Evaluator(template, functions, limits, cost).run(data);
}

type Flow = 'on' | 'break' | 'continue';

class Evaluator {
  readonly #template: Template;
  readonly #functions: TemplateFunctions;
  readonly #limits: TemplateLimits;
  #executing: string;
  #output = '';
  readonly #cost: TemplateCost;
  #depth = 0;
  #variables: { readonly name: string; value: Value }[] = [];

  constructor(template: Template, functions: TemplateFunctions, limits: TemplateLimits, cost: TemplateCost) {
    this.#template = template;
    this.#functions = functions;
    this.#limits = limits;
    this.#cost = cost;
    this.#executing = template.name;
  }

  run(data: Value): string {
    this.#variables = [{ name: '$', value: data }];
    this.#walk(this.#template.root, data);
    return this.#output;
  }

  #walk(list: List, dot: Value): Flow {
    this.#enter(list[0]?.at ?? 0);
    let flow: Flow = 'on';
    for (const node of list) {
      flow = this.#walkNode(node, dot);
      if (flow !== 'on') break;
    }
    this.#depth -= 1;
    return flow;
  }

  #walkNode(node: Node, dot: Value): Flow {
    this.#step(node.at);
    switch (node.kind) {
      case 'text':
        this.#write(node.text, node.at);
        return 'on';
      case 'action': {
        const value = this.#evaluatePipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#write(value === null ? '<no value>' : printValue(value), node.at);
        return 'on';
      }
      case 'if':
      case 'with':
        return this.#inScope(() => {
          const value = this.#evaluatePipe(node.pipe, dot);
          if (!isTrue(value)) return this.#walk(node.otherwise, dot);
          return this.#walk(node.list, node.kind === 'with' ? value : dot);
        });
      case 'range':
        return this.#inScope(() => this.#walkRange(node, dot));
      case 'break':
      case 'continue':
        return node.kind;
      case 'template':
        this.#callTemplate(node, dot);
        return 'on';
      default:
        return assertNever(node);
    }
  }

  #walkRange(node: Node & { readonly kind: 'range' }, dot: Value): Flow {
    const value = this.#evaluatePipe({ ...node.pipe, variables: [] }, dot);
    const items = this.#itemsOf(value, node.pipe);
    let count = 0;
    for (const [key, item] of items) {
      count += 1;
      const flow = this.#inScope(() => {
        const values = node.pipe.variables.length === 2 ? [key, item] : [item];
        for (const [at, name] of node.pipe.variables.entries()) this.#setVariable(name, values[at] ?? null, node.pipe.assigns);
        this.#step(node.at);
        return this.#walk(node.list, item);
      });
      if (flow === 'break') break;
    }
    return count === 0 ? this.#walk(node.otherwise, dot) : 'on';
  }

  *#itemsOf(value: Value, pipe: Pipe): Iterable<readonly [Value, Value]> {
    if (value === null) return;
    if (typeof value === 'number' && Number.isInteger(value)) {
      for (let at = 0; at < value; at += 1) yield [at, at];
    } else if (isList(value)) {
      for (const [at, item] of value.entries()) yield [at, item];
    } else if (isMap(value)) {
      // All of them are sorted, though the first one may end the range.
      this.#step(pipe.at, value.size);
      yield* sortedEntries(value);
    } else {
      throw this.#error(pipe.at, pipe.commands.map(printCommand).join(' | '), `range can't iterate over ${printValue(value)}`);
    }
  }

  #callTemplate(node: Node & { readonly kind: 'template' }, dot: Value): void {
    const list = this.#template.defined.get(node.name);
    const shown = `{{template ${quote(node.name)}}}`;
    if (list === undefined) throw this.#error(node.at, shown, `template ${quote(node.name)} not defined`);
    const data = node.pipe === undefined ? null : this.#evaluatePipe(node.pipe, dot);
    const caller = { variables: this.#variables, executing: this.#executing };
    this.#variables = [{ name: '$', value: data }];
    this.#executing = node.name;
    this.#walk(list, data);
    this.#variables = caller.variables;
    this.#executing = caller.executing;
  }

  #evaluatePipe(pipe: Pipe, dot: Value): Value {
    this.#enter(pipe.at);
    let value: Value | undefined;
    for (const command of pipe.commands) value = this.#evaluateCommand(command, dot, value);
    this.#depth -= 1;
    const result = value ?? null;
    for (const name of pipe.variables) this.#setVariable(name, result, pipe.assigns);
    return result;
  }

  /** `piped` is what the command before it in the pipeline gave: it becomes the last argument. */
  #evaluateCommand(command: Command, dot: Value, piped: Value | undefined): Value {
    const [first, ...rest] = command.operands;
    if (first === undefined) throw new Error('a command without operands');
    this.#step(command.at);
    if (first.kind === 'function') return this.#callFunction(first.name, command, rest, dot, piped);
    if (rest.length > 0 || piped !== undefined) {
      const [last] = first.kind === 'field' || first.kind === 'variable' ? first.path.slice(-1) : [];
      const reason =
        last === undefined ? `can't give argument to non-function ${printOperand(first)}` : `${last} is not a method but has arguments`;
      throw this.#error(first.at, printOperand(first), reason);
    }
    if (first.kind === 'nil') throw this.#error(first.at, 'nil', 'nil is not a command');
    return this.#evaluateOperand(first, dot);
  }

  #callFunction(name: string, command: Command, operands: readonly Operand[], dot: Value, piped: Value | undefined): Value {
    const called = Object.hasOwn(this.#functions, name) ? this.#functions[name] : undefined;
    if (called === undefined) throw this.#error(command.at, name, `${quote(name)} is not a defined function`);
    const count = operands.length + (piped === undefined ? 0 : 1);
    const { fewestArguments, mostArguments } = called;
    if (count < fewestArguments || (mostArguments !== undefined && count > mostArguments)) {
      const wanted =
        mostArguments === fewestArguments
          ? `${fewestArguments}`
          : count < fewestArguments
            ? `at least ${fewestArguments}`
            : `at most ${mostArguments}`;
      throw this.#error(command.at, name, `wrong number of args for ${name}: want ${wanted} got ${count}`);
    }
    const args: Value[] = [];
    for (const operand of operands) {
      const value = this.#evaluateOperand(operand, dot);
      args.push(value);
      // What stands behind the deciding argument is not looked at, so it may be what would fail otherwise.
      if ((name === 'and' && !isTrue(value)) || (name === 'or' && isTrue(value))) return value;
    }
    if (piped !== undefined) args.push(piped);
    this.#handle(
      args.reduce<number>((sum, arg) => sum + (typeof arg === 'string' ? arg.length : 0), 0),
      command.at,
    );
    try {
      const result = called.call(args);
      this.#handle(typeof result === 'string' ? result.length : 0, command.at);
      return result;
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw this.#error(command.at, printCommand(command), `error calling ${name}: ${reason}`);
    }
  }

  #evaluateOperand(operand: Operand, dot: Value): Value {
    this.#step(operand.at);
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'literal':
        return operand.value;
      case 'field':
        return this.#readFields(operand, dot, operand.path);
      case 'variable':
        return this.#readFields(operand, this.#variable(operand.name), operand.path);
      case 'pipe':
        return this.#readFields(
          operand,
          this.#inScope(() => this.#evaluatePipe(operand.pipe, dot)),
          operand.path,
        );
      case 'function':
        return this.#callFunction(operand.name, { at: operand.at, operands: [operand] }, [], dot, undefined);
      default:
        return assertNever(operand);
    }
  }

  #readFields(operand: Operand, start: Value, path: readonly string[]): Value {
    let value = start;
    for (const field of path) value = this.#readField(operand, value, field);
    return value;
  }

  #readField(operand: Operand, value: Value, field: string): Value {
    const found = value instanceof TemplateStruct ? value.fields.get(field) : value !== null && isMap(value) ? value.get(field) : undefined;
    if (found !== undefined) return found;
    const reason =
      value === null
        ? `nil data; no entry for key ${quote(field)}`
        : isMap(value)
          ? `map has no entry for key ${quote(field)}`
          : `can't evaluate field ${field} in type ${typeName(value)}`;
    throw this.#error(operand.at, printOperand(operand), reason);
  }

  #variable(name: string): Value {
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found === undefined) throw new TemplateError(`template: ${this.#executing}: undefined variable: ${name}`);
    return found.value;
  }

  #setVariable(name: string, value: Value, assigns: boolean): void {
    const known = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (known !== undefined) known.value = value;
    else this.#variables.push({ name, value });
  }

  #inScope<T>(run: () => T): T {
    const mark = this.#variables.length;
    const result = run();
    this.#variables.length = mark;
    return result;
  }

  #write(text: string, at: number): void {
    this.#checkLength(this.#output.length + text.length, at);
    this.#output += text;
  }

  #checkLength(length: number, at: number): void {
    const { outputLength } = this.#limits;
    if (length > outputLength) throw this.#error(at, '...', `the result is longer than ${outputLength} characters`);
  }

  #enter(at: number): void {
    this.#depth += 1;
    if (this.#depth > this.#limits.depth) throw this.#error(at, '...', `exceeded maximum template depth (${this.#limits.depth})`);
  }

  /** A function that reads or makes this much text. */
  #handle(length: number, at: number): void {
    this.#checkLength(length, at);
    this.#step(at, Math.floor(length / TEXT_PER_STEP));
  }

  #step(at: number, count = 1): void {
    this.#cost.steps += count;
    if (this.#cost.steps > this.#limits.steps) throw this.#error(at, '...', `the template takes more than ${this.#limits.steps} steps`);
  }

  /** Go's form: template, line, byte in the line from 0, and the piece that failed. */
  #error(at: number, shown: string, reason: string): TemplateError {
    const { name, source } = this.#template;
    const before = source.slice(0, at);
    const line = before.split('\n').length;
    const byte = new TextEncoder().encode(before.slice(before.lastIndexOf('\n') + 1)).length;
    return new TemplateError(`template: ${name}:${line}:${byte}: executing ${quote(this.#executing)} at <${shown}>: ${reason}`);
  }
}
