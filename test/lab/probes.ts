/** One request each: who answered, or "none". For a shell on a host of the lab, in whatever network namespace. */
export function ask(urls: readonly string[], seconds = 5): string {
  return urls.map((url) => `curl -sS -m ${seconds} ${url} 2>/dev/null || echo none`).join('; ');
}

export const answers = (text: string): readonly string[] => text.split('\n').filter(Boolean);
export const httpUrl = (address: string, port = 8080): string => `http://${address}:${port}/`;
export const times = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
