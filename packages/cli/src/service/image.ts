/**
 * An image reference in its short form, with `:latest` when it has neither tag nor digest: what Docker's CLI sends.
 * A reference that is none stays as it is: the manager says what is wrong with it.
 */
export function familiarImage(image: string): string {
  const match =
    /^((?:[a-zA-Z0-9.-]+(?::\d+)?\/)?)([a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)(:[\w][\w.-]{0,127})?(@[a-z0-9+._-]+:[0-9a-fA-F]{32,})?$/.exec(
      image,
    );
  if (match === null) return image;
  const [, domain = '', path = '', tag, digest] = match;
  const name = `${domain}${path}`.replace(/^(?:docker\.io|index\.docker\.io)\//, '').replace(/^library\/(?=[^/]+$)/, '');
  return `${name}${tag ?? (digest === undefined ? ':latest' : '')}${digest ?? ''}`;
}
