import { describe, expect, it } from 'vitest';
import { runWords } from '../command/testing.ts';

const config = (stdin: string, ...more: readonly string[]) => runWords(['stack', 'config', '-c', '-', ...more], { stdin });

describe('stack config', () => {
  it('prints a file that the quick YAML parser reads', async () => {
    expect(await config('services: {a: {image: x}}\n')).toEqual({
      exitCode: 0,
      output: 'version: "3.13"\nservices:\n  a:\n    image: x\n',
      errors: '',
    });
  });

  it('prints a file that only the patient one reads, as Docker does', async () => {
    const file = 'services:\n  a:\n    image: x\n    command: [\n    one,\n  two ]\n    labels: {\n      b: c\n    }\n';
    expect((await config(file)).output).toBe(
      'version: "3.13"\nservices:\n  a:\n    command:\n      - one\n      - two\n    image: x\n    labels:\n      b: c\n',
    );
  });

  it.each([
    ['a text that is no YAML', 'services:\n\ta: {image: x}\n', '-:2:1: yaml: Tabs are not allowed as indentation'],
    ['a key twice', 'services:\n  a: {image: x}\n  a: {image: y}\n', '-:3:3: yaml: mapping key "a" already defined at line 2'],
    ['a value of another type', 'version: "3.8"\nservices:\n  a:\n    image: [x]\n', '-:4:5: services.a.image must be a string'],
    [
      'a value of another format',
      'version: "3.8"\nservices:\n  a:\n    stop_grace_period: soon\n',
      `-:4:5: services.a.stop_grace_period Does not match format 'duration': "soon" is no time such as 90s or 1m30s`,
    ],
  ])('names the place of %s', async (_name, file, problem) => {
    expect(await config(file)).toEqual({ exitCode: 7, output: '', errors: `swarm: there is 1 problem:\n  ${problem}\n` });
  });

  it('needs the name of the stack for its objects', async () => {
    expect(await config('services: {a: {image: x}}\n', '--format', 'api-json')).toMatchObject({ exitCode: 2 });
    const { output } = await config('services: {a: {image: x}}\n', '--format', 'api-json', '--stack', 'st');
    expect(Object.keys(JSON.parse(output).services)).toEqual(['st_a']);
  });
});
