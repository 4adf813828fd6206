/** Absent things stay absent, and lists have one order: what both the decoder and the conversion keep to. */

export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The object without its undefined properties, so that absent stays absent. */
export function defined<T extends object>(object: { [Key in keyof T]: T[Key] | undefined }): T {
  const result: { [Key in keyof T]?: T[Key] | undefined } = {};
  for (const key in object) if (object[key] !== undefined) result[key] = object[key];
  return result as T;
}

export function filled<T>(list: readonly T[] | undefined): T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : [...list];
}
