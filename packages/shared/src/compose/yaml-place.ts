/** From 1, as editors count. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export class YamlError extends Error {
  /** Absent when the whole file is meant. */
  readonly place: Place | undefined;

  constructor(message: string, place?: Place) {
    super(message);
    this.name = 'YamlError';
    this.place = place;
  }
}

/** Lines are counted only once somebody asks: most files have nothing to report. */
export class Lines {
  readonly #text: string;
  #starts: readonly number[] | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  placeOf(offset: number): Place {
    this.#starts ??= lineStarts(this.#text);
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }
}

/** Lines end with `\n`, `\r\n` or `\r`, as YAML has it. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n?|\n/g)) starts.push(index + end.length);
  return starts;
}
