import { byCodeUnit } from './absent.ts';

/** Letters that may be wrong in a word of so many, for it to be taken as a slip of another. */
const LETTERS_PER_SLIP = 3;

/** The word that was most likely meant, where one is near enough: case, `-` and `_` do not count, swapped letters are one slip. */
export function nearestWord(written: string, words: readonly string[]): string | undefined {
  const bare = plain(written);
  const most = Math.max(1, Math.floor(bare.length / LETTERS_PER_SLIP));
  const near = words
    .map((word) => ({ word, slips: slipsBetween(bare, plain(word)) }))
    .filter(({ word, slips }) => slips <= most && slips < plain(word).length)
    .sort((a, b) => a.slips - b.slips || byCodeUnit(a.word, b.word));
  return near[0]?.word;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '');
}

/** Letters to add, drop, change or swap with the next one (Damerau and Levenshtein, in its restricted form). */
function slipsBetween(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let slips = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + same);
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwapped) slips = Math.min(slips, (beforeLast[column - 2] ?? 0) + 1);
      current.push(slips);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
