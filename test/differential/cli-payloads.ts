import type { Docker } from './cli-step.ts';
import type { Step } from './step.ts';

/** The groups secret and config, but for the removal of what services use meanwhile. */
export function payloadCommands(docker: Docker): readonly Step[] {
  return [
    docker('secret create TAG-s -', { input: 'hidden' }),
    docker('secret create TAG-s -', { input: 'hidden' }),
    docker('secret create --label a=b TAG-s2 -', { input: 'hidden' }),
    docker('secret create TAG-s3 /nonexistent'),
    docker('secret create TAG-s4 -', { input: '' }),
    docker('secret create TAG%20bad -', { input: 'x' }),
    docker('secret create --template-driver golang TAG-s5 -', { input: '{{.Service.Name}}' }),
    docker('secret ls'),
    docker('secret ls -q --filter name=TAG'),
    docker('secret ls --filter label=a'),
    docker('secret ls --filter foo=bar'),
    docker('secret ls --format {{.Name}}|{{.Labels}}|{{.Driver}}'),
    docker('secret inspect TAG-s'),
    docker('secret inspect TAG-s TAG-s2 nope'),
    docker('secret inspect --pretty TAG-s2'),
    docker('secret inspect --format {{json%20.Spec}} TAG-s5'),
    docker('secret inspect nope'),
    docker('secret rm nope'),
    docker('secret rm TAG-s5 nope'),
    docker('config create TAG-c -', { input: 'open' }),
    docker('config create TAG-c -', { input: 'open' }),
    docker('config create --label a=b TAG-c2 -', { input: 'open' }),
    docker('config create --template-driver golang TAG-c3 -', { input: 'open' }),
    docker('config create TAG-c4 -', { input: '' }),
    docker('config create TAG-c4 /nonexistent'),
    docker('config ls'),
    docker('config ls -q --filter name=TAG'),
    docker('config ls --filter name=TAG-c2'),
    docker('config ls --filter foo=bar'),
    docker('config ls --format {{.Name}}|{{.Labels}}'),
    docker('config inspect TAG-c'),
    docker('config inspect --pretty TAG-c'),
    docker('config inspect --format {{json%20.Spec}} TAG-c3'),
    docker('config inspect nope'),
    docker('config rm nope'),
  ];
}
