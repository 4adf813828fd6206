/**
 * Where this machine gets its packages from, read from its own apt configuration, so that images are made from the
 * mirror that is known to work here.
 */
export interface AptMirror {
  readonly uri: string;
  readonly components: readonly string[];
}

export interface AptFile {
  readonly path: string;
  readonly text: string;
}

/** The first binary source for exactly `suite`; undefined where none is configured. Reads both formats of apt. */
export function findMirror(files: readonly AptFile[], suite: string): AptMirror | undefined {
  for (const file of files) {
    const found = file.path.endsWith('.sources') ? findInDeb822(file.text, suite) : findInList(file.text, suite);
    if (found) return found;
  }
  return undefined;
}

function findInList(text: string, suite: string): AptMirror | undefined {
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (match?.[1] && match[2] === suite && match[3]) return { uri: match[1], components: words(match[3]) };
  }
  return undefined;
}

function findInDeb822(text: string, suite: string): AptMirror | undefined {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    const field = (name: string) => words(new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, 'im').exec(stanza)?.[1] ?? '');
    const [uri] = field('URIs');
    const disabled = field('Enabled')[0]?.toLowerCase() === 'no';
    if (uri && !disabled && field('Types').includes('deb') && field('Suites').includes(suite)) {
      return { uri, components: field('Components') };
    }
  }
  return undefined;
}

/** The keys of `/etc/os-release`, unquoted. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim());
    if (match?.[1]) pairs[match[1]] = match[2] ?? match[3] ?? match[4] ?? '';
  }
  return pairs;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
