import { TemplateError } from './template-error.ts';
import { quote } from './values.ts';

/** The tokens of Go's text/template: text between actions, and what actions are made of. */
export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'dot'
  | 'variable'
  | 'identifier'
  | 'keyword'
  | 'boolean'
  | 'number'
  | 'character'
  | 'string'
  | 'raw-string'
  | 'pipe'
  | 'left-paren'
  | 'right-paren'
  | 'declare'
  | 'assign'
  | 'comma'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Where it starts, in UTF-16 units. */
  readonly at: number;
  /** Inside an action: whether white space stands before it. It separates arguments. */
  readonly spaced: boolean;
}

const KEYWORDS = new Set(['if', 'else', 'end', 'range', 'with', 'define', 'template', 'block', 'break', 'continue', 'nil']);
const SPACE = ' \t\r\n';
const TRIM_LEFT = /^\{\{-[ \t\r\n]/;
const TRIM_RIGHT = /^[ \t\r\n]-\}\}/;

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ['variable', /^\$[\p{L}\p{Nd}_]*/u],
  // Whatever starts like a number; `readNumber` judges it.
  ['number', /^[+-]?\.?\d(?:[eE][+-]|[\p{L}\p{Nd}_.])*/u],
  ['field', /^\.[\p{L}_][\p{L}\p{Nd}_]*/u],
  ['dot', /^\.(?![\p{L}\p{Nd}_.])/u],
  ['identifier', /^[\p{L}_][\p{L}\p{Nd}_]*/u],
  ['string', /^"(?:[^"\\\n]|\\[^\n])*"/],
  ['raw-string', /^`[^`]*`/],
  ['character', /^'(?:[^'\\\n]|\\[^\n]+?)'/u],
  ['declare', /^:=/],
  ['assign', /^=/],
  ['pipe', /^\|/],
  ['comma', /^,/],
  ['left-paren', /^\(/],
  ['right-paren', /^\)/],
];

export function parseError(name: string, source: string, at: number, message: string): TemplateError {
  const line = source.slice(0, at).split('\n').length;
  return new TemplateError(`template: ${name}:${line}: ${message}`);
}

export function readTokens(name: string, source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    const end = open < 0 ? source.length : open;
    const trimsLeft = open >= 0 && TRIM_LEFT.test(source.slice(open, open + 4));
    let text = source.slice(at, end);
    if (trimNext) text = trimSpace(text, 'start');
    if (trimsLeft) text = trimSpace(text, 'end');
    if (text !== '') tokens.push({ kind: 'text', text, at, spaced: false });
    if (open < 0) break;
    const inside = open + (trimsLeft ? 3 : 2);
    const comment = readComment(name, source, trimsLeft ? inside + 1 : inside);
    const closed = comment ?? readAction(name, source, open, inside, tokens);
    at = closed.at;
    trimNext = closed.trims;
  }
  tokens.push({ kind: 'end', text: '', at: source.length, spaced: false });
  return tokens;
}

function trimSpace(text: string, side: 'start' | 'end'): string {
  return side === 'start' ? text.replace(/^[ \t\r\n]+/, '') : text.slice(0, text.length - trailingSpace(text));
}

function trailingSpace(text: string): number {
  let count = 0;
  while (count < text.length && SPACE.includes(text[text.length - 1 - count] as string)) count += 1;
  return count;
}

interface ActionEnd {
  readonly at: number;
  /** The text that follows loses its leading white space. */
  readonly trims: boolean;
}

function readComment(name: string, source: string, at: number): ActionEnd | undefined {
  if (!source.startsWith('/*', at)) return undefined;
  const end = source.indexOf('*/', at + 2);
  if (end < 0) throw parseError(name, source, at, 'unclosed comment');
  if (source.startsWith('}}', end + 2)) return { at: end + 4, trims: false };
  if (TRIM_RIGHT.test(source.slice(end + 2, end + 6))) return { at: end + 6, trims: true };
  throw parseError(name, source, at, 'comment ends before closing delimiter');
}

function readAction(name: string, source: string, open: number, inside: number, tokens: Token[]): ActionEnd {
  tokens.push({ kind: 'open', text: '{{', at: open, spaced: false });
  let at = inside;
  let depth = 0;
  for (;;) {
    const start = at;
    const trims = TRIM_RIGHT.test(source.slice(at, at + 4));
    if (trims || source.startsWith('}}', at)) {
      if (depth > 0) throw parseError(name, source, at, 'unclosed left paren');
      tokens.push({ kind: 'close', text: '}}', at, spaced: trims });
      return { at: at + (trims ? 4 : 2), trims };
    }
    while (at < source.length && SPACE.includes(source[at] as string)) {
      if (TRIM_RIGHT.test(source.slice(at, at + 4))) break;
      at += 1;
    }
    if (at > start && (source.startsWith('}}', at) || TRIM_RIGHT.test(source.slice(at, at + 4)))) continue;
    if (at >= source.length) throw parseError(name, source, at, 'unclosed action');
    const token = readToken(name, source, at, at > start);
    if (token.kind === 'left-paren') depth += 1;
    if (token.kind === 'right-paren') {
      depth -= 1;
      if (depth < 0) throw parseError(name, source, at, "unexpected right paren U+0029 ')'");
    }
    tokens.push(token);
    at += token.text.length;
  }
}

/** The longest literal or name in an action: nothing a person writes comes near it. */
const LONGEST_TOKEN = 65_536;

function readToken(name: string, source: string, at: number, spaced: boolean): Token {
  const rest = source.slice(at, at + LONGEST_TOKEN);
  for (const [kind, pattern] of PATTERNS) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const text = match[0];
    if (kind !== 'identifier') return { kind, text, at, spaced };
    const word = KEYWORDS.has(text) ? 'keyword' : text === 'true' || text === 'false' ? 'boolean' : 'identifier';
    return { kind: word, text, at, spaced };
  }
  throw parseError(name, source, at, explainForeign(rest));
}

function explainForeign(rest: string): string {
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  if (character === '"') return 'unterminated quoted string';
  if (character === '`') return 'unterminated raw quoted string';
  if (character === "'") return 'unterminated character constant';
  if (/^[+-]?[\d.]/.test(rest)) return `bad number syntax: ${quote(/^[+-]?[\p{L}\p{Nd}._]*/u.exec(rest)?.[0] ?? '')}`;
  if (character === ':') return 'expected :=';
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `unrecognized character in action: U+${code} '${character}'`;
}
