import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asID } from '../runtime/ids.ts';
import { explainUnmet, nodeSatisfies, parseConstraints } from './constraints.ts';
import type { Node } from './objects.ts';

function buildNode(
  parts: { labels?: Record<string, string>; engineLabels?: Record<string, string>; addr?: string; arch?: string } = {},
): Node {
  return {
    ID: asID('n1abc'),
    Version: { Index: 1 },
    CreatedAt: '',
    UpdatedAt: '',
    Spec: { Labels: parts.labels ?? {}, Role: 'worker', Availability: 'active' },
    Description: {
      Hostname: 'Alpha',
      Platform: { Architecture: parts.arch ?? 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 1e9, MemoryBytes: 2 ** 30 },
      Engine: { EngineVersion: '20.10.24', Labels: parts.engineLabels ?? {} },
    },
    Status: { State: 'ready', Addr: parts.addr ?? '10.0.0.5' },
    role: 'manager',
    keyFingerprint: 'f',
  };
}

describe('a constraint is refused', () => {
  test.each([
    ['without an operator', 'node.role manager', 'constraint expected one operator from ==, !='],
    ['with a single equals sign', 'node.role=manager', 'constraint expected one operator from ==, !='],
    ['with a space in its key', 'node role==manager', "key 'node role' is invalid"],
    ['with a key that starts with a digit', '1node==a', "key '1node' is invalid"],
    ['with a key of one letter', 'a==b', "key 'a' is invalid"],
    ['with an empty key', ' == b', "key '' is invalid"],
    ['with an empty value', 'node.role==', "value '' is invalid"],
    ['with a blank value', 'node.role==  ', "value '' is invalid"],
    ['with a comma in its value', 'node.id != a,b', "value 'a,b' is invalid"],
    ['with two operators, the second in its value', 'node.id==a==b', "value 'a==b' is invalid"],
    ['with != before ==, because == is looked for first', 'node.id!=a==b', "key 'node.id!=a' is invalid"],
  ])('%s', (_case, expression, message) => {
    expect(parseConstraints([expression])).toEqual({ kind: 'invalid', message });
  });

  test('for its first mistake, whatever stands before it', () => {
    expect(parseConstraints(['node.id==a', 'bad', 'node id==a'])).toEqual({
      kind: 'invalid',
      message: 'constraint expected one operator from ==, !=',
    });
  });
});

describe('the node n1abc (host Alpha, manager, linux/x86_64, 10.0.0.5, zone=A, engine gpu=yes)', () => {
  const node = buildNode({ labels: { zone: 'A', 'com.acme.rack': '7' }, engineLabels: { gpu: 'yes' } });
  test.each([
    ['meets', 'node.id==n1abc'],
    ['meets', ' node.id  ==  N1ABC '],
    ['does not meet', 'node.id==n1'],
    ['meets', 'node.hostname == alpha'],
    ['does not meet', 'node.hostname != ALPHA'],
    ['does not meet', 'node.hostname == al*'],
    ['meets', 'Node.Role == MANAGER'],
    ['does not meet', 'node.role != manager'],
    ['meets', 'node.platform.os==linux'],
    ['meets', 'node.platform.arch==x86_64'],
    ['does not meet', 'node.platform.arch==amd64'],
    ['meets', 'node.labels.zone==a'],
    ['meets', 'NODE.LABELS.zone==a'],
    ['does not meet', 'node.labels.Zone==a'],
    ['meets', 'node.labels.com.acme.rack==7'],
    ['does not meet', 'node.labels.missing==a'],
    ['meets', 'node.labels.missing!=a'],
    ['does not meet', 'node.labels.toString==a'],
    ['meets', 'engine.labels.gpu==yes'],
    ['meets', 'engine.labels.gpu!=no'],
    ['meets', 'node.ip==10.0.0.5'],
    ['does not meet', 'node.ip!=10.0.0.5'],
    ['meets', 'node.ip==10.0.0.0/24'],
    ['meets', 'node.ip==10.0.0.77/24'],
    ['does not meet', 'node.ip==10.0.1.0/24'],
    ['meets', 'node.ip!=10.0.1.0/24'],
    ['meets', 'node.ip==::ffff:10.0.0.5'],
    ['does not meet', 'node.ip==10.0.0.0/33'],
    ['does not meet', 'node.ip!=10.0.0.0/33'],
    ['does not meet', 'node.ip!=nonsense'],
    ['does not meet', 'node.labels.==a'],
    ['does not meet', 'node.labels.!=a'],
    ['does not meet', 'node.flavour!=sour'],
    ['does not meet', 'node.flavour==sour'],
  ])('%s %s', (verdict, expression) => {
    expect(nodeSatisfies({ Constraints: [expression] }, node)).toBe(verdict === 'meets');
  });

  test('meets a list only when it meets each of it', () => {
    expect(nodeSatisfies({ Constraints: ['node.labels.zone==a', 'node.role==manager'] }, node)).toBe(true);
    expect(nodeSatisfies({ Constraints: ['node.labels.zone==a', 'node.role!=manager'] }, node)).toBe(false);
  });

  test.each([
    ['node.labels.zone != A', '"node.labels.zone != A" is not met: the node has "A" there'],
    ['node.labels.row == 1', '"node.labels.row == 1" is not met: the node has no value there'],
    ['node.flavour == sour', '"node.flavour == sour" names a key that no node has'],
    ['node.ip == here', '"node.ip == here" holds neither an IP address nor a subnet'],
    ['node.role == manager', undefined],
  ])('is told why it does not meet %s', (expression, reason) => {
    const parsed = parseConstraints([expression]);
    expect(parsed.kind === 'parsed' && explainUnmet(parsed.constraints, node)).toBe(reason);
  });
});

test('a node that never connected has no values: == fails, != holds', () => {
  const { Description: _, ...node } = buildNode();
  expect(nodeSatisfies({ Constraints: ['node.hostname==alpha'] }, node)).toBe(false);
  expect(nodeSatisfies({ Constraints: ['node.hostname!=alpha', 'engine.labels.a!=b', 'node.platform.os!=linux'] }, node)).toBe(true);
  expect(nodeSatisfies({ Platforms: [{ OS: 'linux' }] }, node)).toBe(false);
});

describe('platforms', () => {
  test.each([
    ['x86_64', [], true],
    ['x86_64', [{ Architecture: 'amd64', OS: 'linux' }], true],
    ['amd64', [{ Architecture: 'x86_64', OS: 'linux' }], true],
    ['aarch64', [{ Architecture: 'arm64', OS: 'linux' }], true],
    ['aarch64', [{ Architecture: 'amd64', OS: 'linux' }], false],
    ['aarch64', [{ Architecture: 'amd64', OS: 'linux' }, { Architecture: 'arm64' }], true],
    ['x86_64', [{ Architecture: 'amd64', OS: 'windows' }], false],
    ['x86_64', [{ OS: 'linux' }], true],
    ['x86_64', [{}], true],
    ['toString', [{ Architecture: 'amd64' }], false],
  ])('an engine on %s for %j: %s', (arch, Platforms, fits) => {
    expect(nodeSatisfies({ Platforms }, buildNode({ arch }))).toBe(fits);
  });
});

test('of == and != with the same known key and value, every node meets exactly one', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/);
  const key = fc.constantFrom('node.id', 'node.hostname', 'node.role', 'node.platform.os', 'node.labels.zone', 'engine.labels.zone');
  fc.assert(
    fc.property(key, word, fc.option(word), fc.option(word), (subject, value, zone, engineZone) => {
      const node = buildNode({ labels: zone === null ? {} : { zone }, engineLabels: engineZone === null ? {} : { zone: engineZone } });
      const equal = nodeSatisfies({ Constraints: [`${subject}==${value}`] }, node);
      expect(nodeSatisfies({ Constraints: [`${subject} != ${value}`] }, node)).toBe(!equal);
    }),
  );
});

test('any text either parses to one constraint each, with its own key and value, or is refused with a message', () => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.string(), fc.constantFrom('==', '!=', '='), fc.string()).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(fc.array(text), (expressions) => {
      const parsed = parseConstraints(expressions);
      if (parsed.kind === 'invalid') expect(parsed.message).toMatch(/is invalid$|^constraint expected one operator/);
      else expect(parsed.constraints.map((constraint) => constraint.expression)).toEqual(expressions);
    }),
  );
});
