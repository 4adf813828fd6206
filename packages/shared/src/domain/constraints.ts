import { BlockList, isIP } from 'node:net';
import type { Placement, Platform } from '../engine-api/service-spec.ts';
import type { Node } from './objects.ts';

/**
 * Placement constraints: `key == value` or `key != value`. Keys and values compare whatever their case, values as a
 * whole string; only the name of a label is exact. A key that nobody knows is accepted, and no node ever meets it.
 * Source: Docker Engine API, swarm routes, "Constraints".
 */
export interface Constraint {
  /** As the user wrote it. */
  readonly expression: string;
  readonly subject: ConstraintSubject;
  readonly operator: '==' | '!=';
  readonly value: string;
}

export type ConstraintSubject =
  | { readonly kind: 'id' | 'hostname' | 'role' | 'os' | 'architecture' | 'unknown' }
  | { readonly kind: 'node-label' | 'engine-label'; readonly label: string }
  /** `addresses` is absent when the value is neither an address nor a subnet: then no node meets the constraint. */
  | { readonly kind: 'ip'; readonly addresses?: BlockList };

export type ParsedConstraints =
  | { readonly kind: 'parsed'; readonly constraints: readonly Constraint[] }
  | { readonly kind: 'invalid'; readonly message: string };

const OPERATORS = ['==', '!='] as const;
const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/i;
const NODE_LABEL = 'node.labels.';
const ENGINE_LABEL = 'engine.labels.';

/** What was parsed, by the list it came from: specs are immutable, so a list never means anything else. */
const parsedLists = new WeakMap<readonly string[], ParsedConstraints>();

/** The message is the one that Docker's manager answers (500, `Unknown`). */
export function parseConstraints(expressions: readonly string[]): ParsedConstraints {
  const known = parsedLists.get(expressions);
  if (known !== undefined) return known;
  const parsed = parseAll(expressions);
  parsedLists.set(expressions, parsed);
  return parsed;
}

function parseAll(expressions: readonly string[]): ParsedConstraints {
  const constraints: Constraint[] = [];
  for (const expression of expressions) {
    const operator = OPERATORS.find((candidate) => expression.includes(candidate));
    if (operator === undefined) return invalid(`constraint expected one operator from ${OPERATORS.join(', ')}`);
    const at = expression.indexOf(operator);
    const key = expression.slice(0, at).trim();
    const value = expression.slice(at + operator.length).trim();
    if (!KEY.test(key)) return invalid(`key '${key}' is invalid`);
    if (!VALUE.test(value)) return invalid(`value '${value}' is invalid`);
    constraints.push({ expression, subject: parseSubject(key, value), operator, value });
  }
  return { kind: 'parsed', constraints };
}

function invalid(message: string): ParsedConstraints {
  return { kind: 'invalid', message };
}

function parseSubject(key: string, value: string): ConstraintSubject {
  const folded = key.toLowerCase();
  if (folded.startsWith(NODE_LABEL) && key.length > NODE_LABEL.length) {
    return { kind: 'node-label', label: key.slice(NODE_LABEL.length) };
  }
  if (folded.startsWith(ENGINE_LABEL) && key.length > ENGINE_LABEL.length) {
    return { kind: 'engine-label', label: key.slice(ENGINE_LABEL.length) };
  }
  switch (folded) {
    case 'node.id':
      return { kind: 'id' };
    case 'node.hostname':
      return { kind: 'hostname' };
    case 'node.role':
      return { kind: 'role' };
    case 'node.platform.os':
      return { kind: 'os' };
    case 'node.platform.arch':
      return { kind: 'architecture' };
    case 'node.ip': {
      const addresses = parseAddresses(value);
      return { kind: 'ip', ...(addresses && { addresses }) };
    }
    default:
      return { kind: 'unknown' };
  }
}

/** One address, or a subnet in CIDR notation. */
function parseAddresses(value: string): BlockList | undefined {
  const [address = '', prefix, ...rest] = value.split('/');
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) return undefined;
  const addresses = new BlockList();
  if (prefix === undefined) {
    addresses.addAddress(address, family);
    return addresses;
  }
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 'ipv4' ? 32 : 128)) return undefined;
  addresses.addSubnet(address, Number(prefix), family);
  return addresses;
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const family = isIP(address);
  return family === 0 ? undefined : family === 4 ? 'ipv4' : 'ipv6';
}

/** What the node has where the constraint looks; empty when it has nothing there. */
function observedValue(subject: ConstraintSubject, node: Node): string {
  switch (subject.kind) {
    case 'id':
      return node.ID;
    case 'hostname':
      return node.Description?.Hostname ?? '';
    case 'role':
      return node.role;
    case 'os':
      return node.Description?.Platform.OS ?? '';
    case 'architecture':
      return node.Description?.Platform.Architecture ?? '';
    case 'node-label':
      return labelOf(node.Spec.Labels, subject.label);
    case 'engine-label':
      return labelOf(node.Description?.Engine.Labels, subject.label);
    case 'ip':
      return node.Status.Addr;
    case 'unknown':
      return '';
  }
}

function labelOf(labels: { readonly [key: string]: string } | undefined, label: string): string {
  return labels !== undefined && Object.hasOwn(labels, label) ? (labels[label] as string) : '';
}

function meets(constraint: Constraint, node: Node): boolean {
  const { subject, operator, value } = constraint;
  const observed = observedValue(subject, node);
  if (subject.kind === 'unknown') return false;
  if (subject.kind === 'ip') {
    if (subject.addresses === undefined) return false;
    const family = familyOf(observed);
    const within = family !== undefined && subject.addresses.check(observed, family);
    return within === (operator === '==');
  }
  return (observed.toLowerCase() === value.toLowerCase()) === (operator === '==');
}

/** Why the node does not meet the constraints, for the user: the first that it fails. Undefined when it meets all. */
export function explainUnmet(constraints: readonly Constraint[], node: Node): string | undefined {
  const unmet = constraints.find((constraint) => !meets(constraint, node));
  if (unmet === undefined) return undefined;
  if (unmet.subject.kind === 'unknown') return `"${unmet.expression}" names a key that no node has`;
  if (unmet.subject.kind === 'ip' && unmet.subject.addresses === undefined) {
    return `"${unmet.expression}" holds neither an IP address nor a subnet`;
  }
  const observed = observedValue(unmet.subject, node);
  return `"${unmet.expression}" is not met: the node has ${observed === '' ? 'no value' : `"${observed}"`} there`;
}

/** Whether the node meets all constraints. A list that does not parse (admission lets none through) is met by no node. */
export function meetsConstraints(expressions: readonly string[] | undefined, node: Node): boolean {
  if (expressions === undefined || expressions.length === 0) return true;
  const parsed = parseConstraints(expressions);
  return parsed.kind === 'parsed' && parsed.constraints.every((constraint) => meets(constraint, node));
}

/** The registry's words and the engine's words for the same machine. */
const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function architectureName(word: string): string {
  return Object.hasOwn(ARCHITECTURE_ALIASES, word) ? (ARCHITECTURE_ALIASES[word] as string) : word;
}

/** Whether the node runs one of the platforms; an empty word in a platform fits every node, and so does an empty list. */
export function meetsPlatforms(platforms: readonly Platform[] | undefined, node: Node): boolean {
  if (platforms === undefined || platforms.length === 0) return true;
  const own = node.Description?.Platform;
  if (own === undefined) return false;
  return platforms.some(
    ({ Architecture = '', OS = '' }) =>
      (Architecture === '' || architectureName(Architecture) === architectureName(own.Architecture)) && (OS === '' || OS === own.OS),
  );
}

/** Whether tasks with this placement may be on the node, whatever its state and load: constraints and platforms. */
export function nodeSatisfies(placement: Placement | undefined, node: Node): boolean {
  return meetsConstraints(placement?.Constraints, node) && meetsPlatforms(placement?.Platforms, node);
}
