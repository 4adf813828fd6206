import { usageError } from '../command/exit-codes.ts';
import { parseDuration } from '../service/values.ts';

/** A time, or how long ago it was, as Unix seconds with their fraction. @throws CommandFailure (usage) */
export function parseMoment(flag: string, text: string, now: number): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return String(date / 1000);
  try {
    return String((now - parseDuration(flag, text) / 1e6) / 1000);
  } catch {
    throw usageError(`--${flag}: "${text}" is neither a time (2026-01-02T13:23:37Z) nor a duration (42m)`);
  }
}
