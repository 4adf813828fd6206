import type { GuestPlace } from '@swarm/shared/protocol/guests';
import { describe, expect, test } from 'vitest';
import { networkTerms, placeContainer, wishOf } from './container-body.ts';
import { parseExact } from './exact-json.ts';

const place = (network: string, address = '10.0.0.5', gateway = '10.0.0.2'): GuestPlace => ({
  guestID: 'g',
  networkID: `id-${network}`,
  address,
  engineNetwork: `engine-${network}`,
  gateway,
});

describe('the networks that a container names', () => {
  test.each<[string, object, readonly string[]]>([
    ['its mode', { HostConfig: { NetworkMode: 'net' } }, ['net']],
    [
      'its endpoints, and the mode once',
      { HostConfig: { NetworkMode: 'a' }, NetworkingConfig: { EndpointsConfig: { a: {}, b: null } } },
      ['a', 'b'],
    ],
    ['keys in another case', { hostconfig: { networkmode: 'net' } }, ['net']],
    ['no mode at all', {}, []],
    ['null where objects could be', { HostConfig: null, NetworkingConfig: null }, []],
    ...['', 'default', 'bridge', 'host', 'none', 'container:x'].map((mode): [string, object, readonly string[]] => [
      `the mode "${mode}", which is no network of its own`,
      { HostConfig: { NetworkMode: mode } },
      [],
    ]),
  ])('%s', (_, body, terms) => {
    expect(networkTerms(parseExact(JSON.stringify(body)))).toEqual(terms);
  });

  test('come with the address and the aliases it asks for', () => {
    const EndpointsConfig = { net: { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['one', 'two'] } };
    const body = parseExact(JSON.stringify({ NetworkingConfig: { EndpointsConfig } }));
    expect(wishOf(body, 'net', 'box')).toEqual({ network: 'net', name: 'box', address: '10.0.0.9', aliases: ['one', 'two'] });
    expect(wishOf(body, 'other', '')).toEqual({ network: 'other', name: '', aliases: [] });
  });
});

describe('what the engine is given', () => {
  test('its own name of the network, the address, and this host as the first name server; all else as it came', () => {
    const body = parseExact(
      '{"Image":"x","HostConfig":{"NetworkMode":"net","Memory":9007199254740993,"Dns":["9.9.9.9"]},"NetworkingConfig":{"EndpointsConfig":{"net":{"Aliases":["one"],"GwPriority":7}}}}',
    );
    placeContainer(body, new Map([['net', place('net')]]));
    expect(JSON.stringify(body)).toBe(
      '{"Image":"x","HostConfig":{"NetworkMode":"engine-net","Memory":9007199254740993,"Dns":["10.0.0.2","9.9.9.9"],"DnsOptions":["attempts:2"]},' +
        '"NetworkingConfig":{"EndpointsConfig":{"engine-net":{"Aliases":["one"],"GwPriority":7,"IPAMConfig":{"IPv4Address":"10.0.0.5"}}}}}',
    );
  });

  test('networks of the host beside those of the cluster', () => {
    const body = parseExact(
      JSON.stringify({ HostConfig: { NetworkMode: 'own' }, NetworkingConfig: { EndpointsConfig: { own: {}, net: null } } }),
    );
    placeContainer(body, new Map([['net', place('net')]]));
    expect(body).toMatchObject({
      HostConfig: { NetworkMode: 'own', Dns: ['10.0.0.2'] },
      NetworkingConfig: { EndpointsConfig: { own: {}, 'engine-net': { IPAMConfig: { IPv4Address: '10.0.0.5' } } } },
    });
  });

  test('one name server is enough for several networks, and no ndots, which would keep the engine from asking it', () => {
    const body = parseExact(JSON.stringify({ HostConfig: { NetworkMode: 'a', DnsOptions: ['ndots:5', 'timeout:3'] } }));
    placeContainer(
      body,
      new Map([
        ['a', place('a')],
        ['b', place('b', '10.0.1.5', '10.0.1.2')],
      ]),
    );
    expect(body.HostConfig).toMatchObject({ Dns: ['10.0.0.2'], DnsOptions: ['timeout:3'] });
  });
});

test.each(['', 'x', '[]', '3', '"text"', 'null'])('a body that is no JSON object is refused: %s', (text) => {
  expect(() => parseExact(text)).toThrow(/invalid JSON/);
});

test('half a surrogate pair is the replacement character, as in the engine: every network that is named can stand in a path', () => {
  const body = parseExact('{"HostConfig":{"NetworkMode":"a\\ud800"},"NetworkingConfig":{"EndpointsConfig":{"\\udfffb":{}}}}');
  expect(networkTerms(body)).toEqual(expect.arrayContaining(['a\ufffd', '\ufffdb']));
});
