import { describe, expect, test } from 'vitest';
import type { HostNetwork } from './decide/host-network.ts';
import type { CommandResult, HostCommands } from './host-commands.ts';
import { createPacketEncryption } from './packet-encryption.ts';

/**
 * The kernels of the machines this was made on have no ESP, so the commands are played here by a kernel that keeps what
 * it is told and prints it as iproute2 6.1 does. Nothing of it was run on a kernel with ESP.
 */
function recordedKernel(options: { readonly esp: boolean } = { esp: true }) {
  const states = new Map<string, string>();
  const policies = new Map<string, string>();
  const batches: string[] = [];
  const ok = (stdout = ''): CommandResult => ({ exitCode: 0, stdout, stderr: '' });
  function one(line: string): string | undefined {
    const [, what, verb, rest = ''] = /^xfrm (\w+) (\w+) (.*)$/.exec(line) ?? [];
    if (what === 'state') {
      const [key = ''] = /^src \S+ dst \S+ proto esp spi \S+/.exec(rest) ?? [];
      if (!options.esp) return 'RTNETLINK answers: Requested AEAD algorithm not found';
      if (verb === 'add' && states.has(key)) return 'RTNETLINK answers: File exists';
      if (verb === 'add') states.set(key, rest);
      else if (!states.delete(key)) return 'RTNETLINK answers: No such process';
    } else if (what === 'policy') {
      const [selector = ''] = /^src .* mask \S+/.exec(rest) ?? [];
      if (verb === 'update') policies.set(selector, rest);
      else if (!policies.delete(selector)) return 'RTNETLINK answers: No such file or directory';
    } else return `Object "${line}" is unknown`;
    return undefined;
  }
  const commands: HostCommands = {
    async run(_, args, input) {
      if (args.join(' ') === 'xfrm state count') return ok();
      if (args.join(' ') === 'xfrm state list nokeys') {
        return ok(
          [...states.values()]
            .map((state) =>
              state.replace(/ proto esp spi (\S+) reqid (\S+) .*/, '\n\tproto esp spi $1 reqid $2 mode transport\n\treplay-window 32'),
            )
            .join('\n'),
        );
      }
      if (args.join(' ') === 'xfrm policy list dir out') {
        const print = (policy: string) =>
          policy.replace(
            /^src (\S+) dst (\S+) proto udp dport (\d+) dir out mark (\S+) mask \S+ tmpl (src \S+ dst \S+) proto esp spi (\S+) reqid (\S+) .*/,
            'src $1/32 dst $2/32 proto udp dport $3 \n\tdir out priority 0 \n\tmark $4/0xffffffff \n\ttmpl $5\n\t\tproto esp spi $6 reqid $7 mode transport',
          );
        return ok([...policies.values()].map(print).join('\n'));
      }
      if (args.join(' ') !== '-batch -') throw new Error(`the recorded kernel does not know ${args.join(' ')}`);
      batches.push(input ?? '');
      for (const line of (input ?? '').split('\n').filter(Boolean)) {
        const refusal = one(line);
        if (refusal !== undefined) return { exitCode: 1, stdout: '', stderr: `${refusal}\nCommand failed -:1 (${line})` };
      }
      return ok();
    },
    readSetting: async () => undefined,
    writeSetting: async () => undefined,
  };
  return { commands, states, policies, batches };
}

const secret = (fill: string) => Buffer.alloc(20, fill).toString('base64');
function network(keys: HostNetwork['keys'], peers = ['192.0.2.2'], underlay = '192.0.2.1'): HostNetwork {
  return {
    id: 'n',
    name: 'n',
    vni: 4097,
    subnet: '10.9.0.0/24',
    vipRange: '10.9.0.192/26',
    internal: false,
    ingress: false,
    encrypted: true,
    mtu: undefined,
    dataPathPort: 4789,
    gateway: '10.9.0.1',
    underlay,
    peers: peers.map((address) => ({ nodeID: address, address, gateway: address })),
    services: [],
    keys,
  };
}
const FIRST = { number: 1, secret: secret('a'), sending: true };

describe('encryption', () => {
  test('a kernel without it is told by its own words; one with it keeps nothing of the question', async () => {
    expect(await createPacketEncryption({ commands: recordedKernel({ esp: false }).commands }).obstacle()).toContain(
      'AEAD algorithm not found',
    );
    const kernel = recordedKernel();
    expect(await createPacketEncryption(kernel).obstacle()).toBeUndefined();
    expect(kernel.states.size).toBe(0);
  });

  test('both ends of a pair make the same states, each its own policy', async () => {
    const [one, two] = [recordedKernel(), recordedKernel()];
    await createPacketEncryption(one).apply([network([FIRST])]);
    await createPacketEncryption(two).apply([network([FIRST], ['192.0.2.1'], '192.0.2.2')]);
    expect([...one.states].sort()).toEqual([...two.states].sort());
    expect(one.states.size).toBe(2);
    expect([...one.policies.keys()]).toEqual(['src 192.0.2.1 dst 192.0.2.2 proto udp dport 4789 dir out mark 0x53001001 mask 0xffffffff']);
  });

  test('a second pass changes nothing', async () => {
    const kernel = recordedKernel();
    const encryption = createPacketEncryption(kernel);
    await encryption.apply([network([FIRST])]);
    const before = kernel.batches.length;
    await encryption.apply([network([FIRST])]);
    expect(kernel.batches).toHaveLength(before);
  });

  test('a new key decrypts at once, encrypts when told, and the old one goes last; a policy never is missing', async () => {
    const kernel = recordedKernel();
    const encryption = createPacketEncryption(kernel);
    const second = { number: 2, secret: secret('b'), sending: false };
    await encryption.apply([network([FIRST])]);
    await encryption.apply([network([FIRST, second])]);
    expect(kernel.states.size).toBe(4);
    await encryption.apply([
      network([
        { ...FIRST, sending: false },
        { ...second, sending: true },
      ]),
    ]);
    expect(kernel.batches.at(-1)).toMatch(/^xfrm policy update [^\n]*\n$/);
    await encryption.apply([network([{ ...second, sending: true }])]);
    expect([kernel.states.size, kernel.policies.size]).toEqual([2, 1]);
  });

  test('a host that leaves, and a network that is gone, leave nothing', async () => {
    const kernel = recordedKernel();
    const encryption = createPacketEncryption(kernel);
    await encryption.apply([network([FIRST], ['192.0.2.2', '192.0.2.3'])]);
    expect([kernel.states.size, kernel.policies.size]).toEqual([4, 2]);
    await encryption.apply([network([FIRST], ['192.0.2.3'])]);
    expect([kernel.states.size, kernel.policies.size]).toEqual([2, 1]);
    await encryption.apply([]);
    expect([kernel.states.size, kernel.policies.size]).toEqual([0, 0]);
  });

  test('a host that is in the network twice, since it was set up anew, gets its keys once', async () => {
    const kernel = recordedKernel();
    await createPacketEncryption(kernel).apply([network([FIRST], ['192.0.2.2', '192.0.2.2'])]);
    expect([kernel.states.size, kernel.policies.size]).toEqual([2, 1]);
  });

  test('what goes wrong shows no key', async () => {
    const { commands } = recordedKernel({ esp: false });
    const error = await createPacketEncryption({ commands })
      .apply([network([FIRST])])
      .catch((reason: unknown) => reason);
    expect(String(error)).toContain('AEAD algorithm not found');
    expect(String(error)).not.toContain(Buffer.from(FIRST.secret, 'base64').toString('hex'));
  });
});
