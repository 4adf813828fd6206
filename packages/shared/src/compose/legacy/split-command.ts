const SEPARATORS: ReadonlySet<string> = new Set([' ', '\t', '\r', '\n']);

/**
 * Splits a command line as the docker CLI does: blanks, tabs and line ends separate (no other white space does), `'…'` is
 * literal, in `"…"` and bare a backslash takes the next character as it is, `#` at the start of a word begins a comment. No
 * operators, no variables.
 */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] as string;
    if (SEPARATORS.has(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === '#' && word === undefined) {
      const end = line.indexOf('\n', at);
      at = end < 0 ? line.length : end;
    } else if (char === '\\') {
      at += 1;
      if (at >= line.length) throw new Error('EOF found after escape character');
      word = (word ?? '') + line[at];
    } else if (char === "'" || char === '"') {
      const [text, end] = quoted(line, at + 1, char);
      word = (word ?? '') + text;
      at = end;
    } else word = (word ?? '') + char;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function quoted(line: string, start: number, quote: string): [text: string, end: number] {
  let text = '';
  for (let at = start; at < line.length; at += 1) {
    const char = line[at] as string;
    if (char === quote) return [text, at];
    if (char === '\\' && quote === '"') {
      at += 1;
      if (at >= line.length) throw new Error('EOF found after escape character');
      text += line[at];
    } else text += char;
  }
  throw new Error('EOF found when expecting closing quote');
}
