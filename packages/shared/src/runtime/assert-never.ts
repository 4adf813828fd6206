/** Ends a switch over a closed union: the compiler refuses a missing case, and a foreign value throws. */
export function assertNever(value: never): never {
  throw new Error(`impossible value: ${JSON.stringify(value)}`);
}
