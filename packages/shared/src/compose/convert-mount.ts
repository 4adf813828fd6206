import type { Mount } from '../engine-api/container-spec.ts';
import { defined, filled } from './absent.ts';
import { record, stackLabels } from './convert-context.ts';
import type { ComposeFile, ComposeMount } from './model.ts';

/** One mount of a service in the words of the Engine API; options that its type does not have are refused. */
export class MountConverter {
  readonly #mount: ComposeMount;
  readonly #file: ComposeFile;
  readonly #stackName: string;
  readonly #problem: (message: string) => void;

  constructor(mount: ComposeMount, file: ComposeFile, stackName: string, problem: (message: string) => void) {
    this.#mount = mount;
    this.#file = file;
    this.#stackName = stackName;
    this.#problem = problem;
  }

  convert(): Mount {
    const mount = this.#mount;
    const base = defined<Mount>({
      Type: mount.type as Mount['Type'],
      Target: mount.target,
      ReadOnly: mount.readOnly || undefined,
      Consistency: mount.consistency || undefined,
    });
    switch (mount.type) {
      case 'volume':
      case '':
        return this.#volume({ ...base, Type: 'volume' });
      case 'bind':
        this.#refuse('volume', 'tmpfs');
        return {
          ...base,
          ...(mount.source ? { Source: mount.source } : {}),
          ...(mount.bind === undefined ? {} : { BindOptions: mount.bind.propagation ? { Propagation: mount.bind.propagation } : {} }),
        };
      case 'tmpfs':
        this.#refuse('bind', 'volume');
        if (mount.source) this.#problem('invalid tmpfs source, source must be empty');
        return { ...base, ...(mount.tmpfs === undefined ? {} : { TmpfsOptions: tmpfsOptions(mount.tmpfs) }) };
      case 'npipe':
        this.#refuse('volume', 'tmpfs');
        if (!mount.source) this.#problem('invalid npipe source, source cannot be empty');
        return { ...base, Source: mount.source ?? '' };
      case 'cluster':
        this.#refuse('bind', 'volume', 'tmpfs');
        if (!mount.source) this.#problem('invalid cluster source, source cannot be empty');
        return { ...base, Source: this.#clusterSource(mount.source ?? ''), ClusterOptions: {} };
      default:
        this.#problem(`volume type must be volume, bind, tmpfs, npipe, or cluster; it is "${mount.type}"`);
        return base;
    }
  }

  #clusterSource(source: string): string {
    if (source.startsWith('group:')) return source;
    return this.#file.volumes.get(source)?.name || `${this.#stackName}_${source}`;
  }

  #refuse(...kinds: readonly ('bind' | 'volume' | 'tmpfs')[]): void {
    for (const kind of kinds) {
      if (this.#mount[kind] !== undefined) this.#problem(`${kind} options are incompatible with type ${this.#mount.type}`);
    }
  }

  #volume(base: Mount): Mount {
    const { source, volume } = this.#mount;
    this.#refuse('bind', 'tmpfs');
    if (!source) return base;
    const named = this.#file.volumes.get(source);
    if (named === undefined) {
      this.#problem(`undefined volume "${source}"`);
      return base;
    }
    const options = defined<NonNullable<Mount['VolumeOptions']>>({
      NoCopy: volume?.nocopy || undefined,
      Subpath: volume?.subpath || undefined,
    });
    const Source = named.name || `${this.#stackName}_${source}`;
    if (named.external) return { ...base, Source, VolumeOptions: options };
    const driver =
      named.driver || named.driverOpts.size > 0
        ? {
            DriverConfig: defined<NonNullable<NonNullable<Mount['VolumeOptions']>['DriverConfig']>>({
              Name: named.driver || undefined,
              Options: named.driverOpts.size > 0 ? record(named.driverOpts) : undefined,
            }),
          }
        : {};
    return { ...base, Source, VolumeOptions: { ...options, Labels: stackLabels(this.#stackName, named.labels), ...driver } };
  }
}

function tmpfsOptions(tmpfs: NonNullable<ComposeMount['tmpfs']>): NonNullable<Mount['TmpfsOptions']> {
  return defined<NonNullable<Mount['TmpfsOptions']>>({
    SizeBytes: tmpfs.size || undefined,
    Mode: tmpfs.mode,
    Options: filled(tmpfs.options),
  });
}
