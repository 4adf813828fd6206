import type { ComposeMount, ComposeService } from '../model.ts';
import { parseBytes } from '../units.ts';
import type { Path, TreeMap } from '../yaml-tree.ts';
import { type Problem, ServiceReader } from './service-reader.ts';

/** What version 3 has no words for. */
export function extras(service: TreeMap, path: Path, problem: Problem, warning: Problem): Partial<ComposeService> {
  const reader = new ServiceReader(service, path, problem);
  const result: Partial<ComposeService> = {};
  const groups = reader.texts('group_add');
  if (groups.length > 0) result.groups = groups;
  const options = reader.texts('dns_opt');
  if (options.length > 0) result.dnsOptions = options;
  const oom = reader.whole(service.get('oom_score_adj'), ['oom_score_adj']);
  if (oom !== undefined) result.oomScoreAdj = oom;
  const platform = reader.text('platform');
  if (platform !== undefined) {
    const [os = '', architecture] = platform.split('/');
    result.platform = architecture === undefined ? { os } : { os, architecture };
  }
  const privileges = securityOptions(reader.texts('security_opt'), (index, message) => warning([...path, 'security_opt', index], message));
  if (privileges !== undefined) result.privileges = privileges;
  return result;
}

/** Mounts that are not written under `volumes`. */
export function extraMounts(service: TreeMap, path: Path, problem: Problem): ComposeMount[] {
  const reader = new ServiceReader(service, path, problem);
  const mounts = reader.texts('tmpfs').map((spec, index) => tmpfsMount(spec, (message) => problem([...path, 'tmpfs', index], message)));
  const shared = reader.bytes(service.get('shm_size'), ['shm_size']);
  if (shared !== undefined) mounts.push({ type: 'tmpfs', target: '/dev/shm', tmpfs: { size: Number(shared) } });
  return mounts;
}

function tmpfsMount(spec: string, problem: (message: string) => void): ComposeMount {
  const [target = '', options = ''] = spec.split(/:(.*)/s);
  const mount: ComposeMount = { type: 'tmpfs', target };
  for (const option of options.split(',').filter((each) => each !== '')) {
    const [key = '', value] = option.split(/=(.*)/s);
    mount.tmpfs ??= {};
    if (key === 'ro') mount.readOnly = true;
    else if (key === 'size' && value !== undefined) {
      try {
        mount.tmpfs.size = parseBytes(value);
      } catch (error) {
        problem(`tmpfs ${target}: ${(error as Error).message}`);
      }
    } else if (key === 'mode' && value !== undefined && /^[0-7]{1,4}$/.test(value)) mount.tmpfs.mode = Number.parseInt(value, 8);
    else if (key !== 'rw') mount.tmpfs.options = [...(mount.tmpfs.options ?? []), value === undefined ? [key] : [key, value]];
  }
  return mount;
}

function securityOptions(options: readonly string[], warn: (index: number, message: string) => void): ComposeService['privileges'] {
  const result: NonNullable<ComposeService['privileges']> = {};
  options.forEach((option, index) => {
    const [key = '', value = ''] = option.split(/[:=](.*)/s);
    if (key === 'no-new-privileges' && value !== 'false') result.noNewPrivileges = true;
    else if (key === 'seccomp' && value === 'unconfined') result.seccomp = 'unconfined';
    else if (key === 'apparmor' && value === 'unconfined') result.appArmor = 'disabled';
    else if (key === 'label') {
      const [name = '', label = ''] = value.split(/:(.*)/s);
      const field = { user: 'User', role: 'Role', type: 'Type', level: 'Level', disable: 'Disable' }[name];
      if (field !== undefined) result.seLinux = { ...result.seLinux, [field]: field === 'Disable' ? true : label };
    } else
      warn(
        index,
        `security_opt "${option}" is ignored: a task takes no-new-privileges, seccomp=unconfined, apparmor=unconfined and SELinux labels`,
      );
  });
  return Object.keys(result).length === 0 ? undefined : result;
}
