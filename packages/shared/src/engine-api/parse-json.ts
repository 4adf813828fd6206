/** An escape of JSON: a pair of surrogates, one half of a pair, or any other. */
const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)/gs;
const MAY_HOLD_HALF = /\\u[dD][89a-fA-F]/;

/**
 * `JSON.parse` for what clients send. JSON can spell half of a surrogate pair, which no path, header or file can hold: it is
 * read as U+FFFD, as Go's decoder reads it. @throws SyntaxError
 */
export function parseJSON(text: string, reviver?: Parameters<typeof JSON.parse>[1]): unknown {
  const wellFormed = MAY_HOLD_HALF.test(text)
    ? text.replace(ESCAPE, (whole: string, half?: string) => (half === undefined ? whole : '\\ufffd'))
    : text;
  return JSON.parse(wellFormed, reviver);
}
