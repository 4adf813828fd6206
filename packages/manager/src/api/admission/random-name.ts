import type { Random } from '@swarm/shared/runtime/ids';

const ADJECTIVES =
  'amber bold brave bright calm clever cosmic crisp eager earnest fair gentle golden happy honest humble jolly keen kind lively lucid merry mighty modest noble patient quick quiet serene sharp steady warm'.split(
    ' ',
  );
const SURNAMES =
  'babbage bell bose curie darwin dijkstra einstein euler faraday fermi feynman franklin galileo gauss goodall hamilton hopper hypatia kepler knuth lamport liskov lovelace meitner mendel neumann noether pascal ritchie shannon turing wing'.split(
    ' ',
  );

/** A name such as `calm_lovelace`, for a service that came without one. */
export function randomName(random: Random): string {
  const pick = (words: readonly string[]) => words[Math.floor(random.fraction() * words.length)] ?? '';
  return `${pick(ADJECTIVES)}_${pick(SURNAMES)}`;
}
