import { parseArgs } from 'node:util';
import { execStreaming } from './engine.ts';
import type { LabHost } from './host.ts';
import { Lab } from './lab.ts';
import { LAB_IMAGES, type LabImage } from './registry.ts';

/** `npm run lab -- …`: the lab for people. It finds what is up by the labels on the engine; there is no state file. */
const USAGE = `Usage: npm run lab -- COMMAND

Hosts with real Docker Engines, as containers of the engine of this machine. "swarm" on them runs from this working tree.

  up N                  bring up N hosts (host1, host2, …) and a registry
  add [NAME]            add a host
  ls                    show the hosts
  exec HOST COMMAND…    run a command on a host: exec host1 swarm node ls · exec host1 bash
  publish IMAGE [NAME]  put an image into the registry: ${Object.keys(LAB_IMAGES).join(', ')}
  daemon HOST start|stop|kill    our daemon: at every boot from now on; SIGTERM; kill -9
  engine HOST kill|start         dockerd of the host: kill -9; start it again
  cut HOST · heal HOST           the host's network goes silent in both directions, and comes back
  pause HOST · unpause HOST      freeze the whole host
  stop HOST · poweroff HOST · start HOST    shut down, take the power away, boot
  down                  remove all of it

Options, before COMMAND:
  --name NAME           another lab beside the first one
`;

type Action = (host: LabHost) => Promise<void>;

const FAULTS: Readonly<Record<string, Action>> = {
  cut: (host) => host.cutOff(),
  heal: (host) => host.heal(),
  pause: (host) => host.pause(),
  unpause: (host) => host.unpause(),
  stop: (host) => host.stop(),
  poweroff: (host) => host.powerOff(),
  start: (host) => host.start(),
};
const DAEMON: Readonly<Record<string, Action>> = {
  start: (host) => host.startDaemon(),
  stop: (host) => host.stopDaemon(),
  kill: (host) => host.killDaemon(),
};
const ENGINE: Readonly<Record<string, Action>> = { kill: (host) => host.killEngine(), start: (host) => host.startEngine() };

class UsageError extends Error {}

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function run(argv: readonly string[]): Promise<number> {
  const commandAt = argv.findIndex((arg, index) => !arg.startsWith('-') && argv[index - 1] !== '--name');
  const own = commandAt === -1 ? argv : argv.slice(0, commandAt);
  const { values } = parseArgs({ args: [...own], options: { name: { type: 'string' }, help: { type: 'boolean', short: 'h' } } });
  const [command, ...args] = commandAt === -1 ? [] : argv.slice(commandAt);
  if (values.help || command === undefined || command === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const purpose = values.name;

  if (command === 'up') {
    const count = Number(required(args[0], 'up needs the number of hosts'));
    if (!Number.isInteger(count) || count < 1 || count > 200)
      throw new UsageError(`"${args[0]}" is not a number of hosts between 1 and 200`);
    const lab = await Lab.up(count, { keep: true, say, ...(purpose && { purpose }) });
    await print(lab);
    say('Try: npm run lab -- exec host1 docker version · npm run lab -- help · npm run lab -- down');
    return 0;
  }
  const lab = await Lab.attach(purpose, say);
  if (command === 'down') {
    await lab?.down();
    say(lab ? `The lab "${lab.name}" is gone.` : 'No lab is up; nothing to do.');
    return 0;
  }
  if (!lab) throw new UsageError(`no lab${purpose ? ` named "${purpose}"` : ''} is up; bring one up: npm run lab -- up 3`);

  switch (command) {
    case 'ls':
      await print(lab);
      return 0;
    case 'add': {
      const host = await lab.addHost(args[0] === undefined ? {} : { name: args[0] });
      say(`${host.name} is up at ${host.address}.`);
      return 0;
    }
    case 'publish': {
      const image = required(args[0], 'publish needs the name of an image');
      if (!isLabImage(image)) throw new UsageError(`the lab has no image "${image}"; it has ${Object.keys(LAB_IMAGES).join(', ')}`);
      await lab.registry.publish(image, args[1]);
      say(`The hosts can now pull ${args[1] ?? LAB_IMAGES[image]}.`);
      return 0;
    }
    case 'exec':
      return execOn(lab.host(required(args[0], 'exec needs a host and a command')), args.slice(1));
  }
  const host = () => lab.host(required(args[0], `${command} needs the name of a host`));
  const action =
    command === 'daemon'
      ? DAEMON[required(args[1], 'daemon needs start, stop or kill')]
      : command === 'engine'
        ? ENGINE[required(args[1], 'engine needs kill or start')]
        : FAULTS[command];
  if (!action) throw new UsageError(`"${[command, ...args].join(' ')}" is not a command of the lab`);
  await action(host());
  return 0;
}

function required(value: string | undefined, complaint: string): string {
  if (value === undefined) throw new UsageError(complaint);
  return value;
}

function isLabImage(name: string): name is LabImage {
  return Object.hasOwn(LAB_IMAGES, name);
}

async function execOn(host: LabHost, command: readonly string[]): Promise<number> {
  if (command.length === 0) throw new UsageError('exec needs a command after the host');
  const tty = process.stdin.isTTY && process.stdout.isTTY;
  if (tty) process.stdin.setRawMode(true);
  try {
    return await execStreaming(host.container, command, {
      env: tty ? { TERM: process.env.TERM ?? 'xterm' } : {},
      input: process.stdin,
      tty,
      stdout: process.stdout,
      stderr: process.stderr,
    });
  } finally {
    if (tty) process.stdin.setRawMode(false);
  }
}

async function print(lab: Lab): Promise<void> {
  process.stdout.write(`${lab.name}, registry ${lab.registry.address}\n`);
  for (const host of lab.hosts) {
    const { State } = await host.container.inspect();
    const state = State.Paused ? 'paused' : State.Running ? 'running' : 'stopped';
    process.stdout.write(`  ${host.name.padEnd(10)} ${host.address.padEnd(15)} ${state}\n`);
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
  // An open standard input must not keep us after `exec`.
  process.stdin.destroy();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write('See: npm run lab -- help\n');
  process.exitCode = 1;
}
