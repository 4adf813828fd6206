import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ApiError } from '../errors/api-error.ts';
import { Type } from '../schema/type.ts';
import { NodeSpecSchema } from './cluster-spec.ts';
import { decodeJSON } from './decode.ts';
import { SecretSpecSchema } from './payload-specs.ts';
import { ServiceSpecSchema } from './service-spec.ts';

test('words that Docker takes in any case are given in its own, and no other word is touched', () => {
  const spec = {
    TaskTemplate: {
      ContainerSpec: { Mounts: [{ Type: 'BIND', BindOptions: { Propagation: 'RShared' } }, { Type: 'Foo' }] },
      RestartPolicy: { Condition: 'Any' },
    },
    EndpointSpec: { Mode: 'VIP', Ports: [{ Protocol: 'TCP', PublishMode: 'Host' }] },
  };
  expect(service(JSON.stringify(spec))).toEqual({
    TaskTemplate: {
      ContainerSpec: { Mounts: [{ Type: 'bind', BindOptions: { Propagation: 'rshared' } }, { Type: 'Foo' }] },
      RestartPolicy: { Condition: 'Any' },
    },
    EndpointSpec: { Mode: 'VIP', Ports: [{ Protocol: 'tcp', PublishMode: 'host' }] },
  });
  expect(decodeJSON(NodeSpecSchema, '{"Role":"Manager","Availability":"DRAIN"}', 'NodeSpec')).toEqual({
    Role: 'manager',
    Availability: 'drain',
  });
});

const service = (text: string) => decodeJSON(ServiceSpecSchema, text, 'ServiceSpec');

const readings: readonly (readonly [string, string, unknown])[] = [
  ['keys match whatever their case', '{"mode":{"replicated":{"replicas":2}}}', { Mode: { Replicated: { Replicas: 2 } } }],
  ['an empty object stays', '{"Mode":{"global":{}}}', { Mode: { Global: {} } }],
  ['unknown keys are dropped', '{"Name":"web","version":3,"EndpointSpec":{"ExposedPorts":[1]}}', { Name: 'web', EndpointSpec: {} }],
  ['null is absent', '{"Name":null,"TaskTemplate":{"Placement":null}}', { TaskTemplate: {} }],
  [
    'null in a list is the empty value',
    '{"TaskTemplate":{"ContainerSpec":{"Env":[null,"A=1"]}}}',
    { TaskTemplate: { ContainerSpec: { Env: ['', 'A=1'] } } },
  ],
  ['the keys of maps are untouched', '{"Labels":{"NAME":"x","name":"y"}}', { Labels: { NAME: 'x', name: 'y' } }],
  ['of two spellings the later wins', '{"Name":"a","name":"b"}', { Name: 'b' }],
  [
    'half a surrogate pair is the replacement character, in values and in keys of maps',
    '{"Name":"a\\ud800b","Labels":{"\\udfff":"\\ud83d\\ude00"}}',
    { Name: 'a\ufffdb', Labels: { '\ufffd': '\u{1f600}' } },
  ],
  ['null alone is the empty spec', 'null', {}],
  ['a year in nanoseconds is exact', '{"UpdateConfig":{"Delay":31536000000000000}}', { UpdateConfig: { Delay: 31_536_000_000_000_000 } }],
];
test.each(readings)('%s', (_name, text, expected) => {
  expect(service(text)).toEqual(expected);
});

test('a key like __proto__ in a map is a key, and changes no prototype', () => {
  const { Labels } = service('{"Labels":{"__proto__":"x"}}');
  expect(Object.entries(Labels ?? {})).toEqual([['__proto__', 'x']]);
  expect(Object.getPrototypeOf(Labels)).toBe(Object.prototype);
});

const refusals: readonly (readonly [string, string, string])[] = [
  [
    'a negative count',
    '{"Mode":{"Replicated":{"Replicas":-1}}}',
    'json: cannot unmarshal number -1 into Go struct field ServiceSpec.Mode.Replicated.Replicas of type uint64',
  ],
  [
    'a string for a number',
    '{"TaskTemplate":{"ForceUpdate":"1"}}',
    'json: cannot unmarshal string into Go struct field ServiceSpec.TaskTemplate.ForceUpdate of type uint64',
  ],
  [
    'a fraction for an integer',
    '{"UpdateConfig":{"Delay":1.5}}',
    'json: cannot unmarshal number 1.5 into Go struct field ServiceSpec.UpdateConfig.Delay of type int64',
  ],
  ['a list for an object', '{"Mode":[]}', 'json: cannot unmarshal array into Go struct field ServiceSpec.Mode of type Mode'],
  ['a list for the whole', '[]', 'json: cannot unmarshal array into Go value of type ServiceSpec'],
  [
    'an object for a list',
    '{"TaskTemplate":{"ContainerSpec":{"Env":{}}}}',
    'json: cannot unmarshal object into Go struct field ServiceSpec.TaskTemplate.ContainerSpec.Env of type []string',
  ],
  [
    'a number in a map of strings',
    '{"Labels":{"a":1}}',
    'json: cannot unmarshal number 1 into Go struct field ServiceSpec.Labels.a of type string',
  ],
  [
    'an integer that a number cannot hold',
    '{"UpdateConfig":{"Delay":9007199254740993}}',
    'ServiceSpec.UpdateConfig.Delay: 9007199254740993 needs more than 53 significant bits and would be stored as 9007199254740992; use a rounder number',
  ],
  [
    'the largest of 64 bits, which no number holds',
    '{"UpdateConfig":{"Delay":9223372036854775807}}',
    'ServiceSpec.UpdateConfig.Delay: 9223372036854775807 needs more than 53 significant bits and would be stored as 9223372036854775808; use a rounder number',
  ],
  [
    'the largest of 64 bits without a sign',
    '{"UpdateConfig":{"Parallelism":18446744073709551615}}',
    'ServiceSpec.UpdateConfig.Parallelism: 18446744073709551615 needs more than 53 significant bits and would be stored as 18446744073709551616; use a rounder number',
  ],
  [
    'one more than 64 bits hold',
    '{"UpdateConfig":{"Delay":9223372036854775808}}',
    'json: cannot unmarshal number 9223372036854776000 into Go struct field ServiceSpec.UpdateConfig.Delay of type int64',
  ],
  [
    'an integer past 64 bits',
    '{"UpdateConfig":{"Delay":1e30}}',
    'json: cannot unmarshal number 1e+30 into Go struct field ServiceSpec.UpdateConfig.Delay of type int64',
  ],
  ['something after the value', '{} {}', 'unexpected content after JSON'],
];
test.each(refusals)('%s is refused', (_name, text, message) => {
  expect(() => service(text)).toThrow(new ApiError('invalid-argument', message));
});

test('text that is no JSON is refused by a message that says so', () => {
  expect(() => service('bad')).toThrow(/^invalid JSON: /);
});

const payloads: readonly (readonly [string, string, boolean])[] = [
  ['padded', 'aGVsbG8=', true],
  ['empty', '', true],
  ['with line breaks', 'aGVs\nbG8=\n', true],
  ['URL alphabet', 'a-_=', false],
  ['cut short', 'aGVsbG8', false],
];
test.each(payloads)('base64 that is %s: %j passes: %s', (_name, Data, passes) => {
  const decode = () => decodeJSON(SecretSpecSchema, JSON.stringify({ Data }), 'SecretSpec');
  if (passes) expect(decode().Data).toBe(Data);
  else expect(decode).toThrow(/^illegal base64 data at input byte \d+$/);
});

test('any text at all gives a value or an ApiError 400', () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((json) => `{"Name":"x","TaskTemplate":${json}}`),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        service(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        expect((error as ApiError).httpStatus).toBe(400);
      }
    }),
    { numRuns: 500 },
  );
});

test('nesting however deep in unknown keys is refused or dropped, never an overflow', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  expect(service(`{"Name":"x","Other":${deep}}`)).toEqual({ Name: 'x' });
  expect(() => service(`{"UpdateConfig":{"Delay":9007199254740993},"Other":${deep}}`)).toThrow('nested too deeply');
});

test('a valid value comes back as it was, and with its keys in other cases', () => {
  const Schema = Type.Object({
    Name: Type.Optional(Type.String()),
    Count: Type.Optional(Type.Integer()),
    Items: Type.Optional(Type.Array(Type.Object({ On: Type.Optional(Type.Boolean()) }))),
    Map: Type.Optional(Type.Record(Type.String(), Type.String())),
  });
  const value = fc.record(
    {
      Name: fc.string(),
      Count: fc.maxSafeInteger(),
      Items: fc.array(fc.record({ On: fc.boolean() }, { requiredKeys: [] })),
      Map: fc.dictionary(fc.string(), fc.string()),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(value, fc.boolean(), (sent, upper) => {
      const respelled = Object.fromEntries(
        Object.entries(sent).map(([key, item]) => [upper ? key.toUpperCase() : key.toLowerCase(), item]),
      );
      const text = JSON.stringify(sent);
      expect(JSON.stringify(decodeJSON(Schema, text, 'Value'))).toBe(text);
      expect(JSON.stringify(decodeJSON(Schema, JSON.stringify(respelled), 'Value'))).toBe(text);
    }),
  );
});
