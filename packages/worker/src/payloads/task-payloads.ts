import { posix } from 'node:path';
import type { ConfigReference, ContainerSpec, SecretReference } from '@swarm/shared/engine-api/container-spec';
import type { AssignedConfig, AssignedSecret } from '@swarm/shared/protocol/session';
import type { PlaceholderContext } from '@swarm/shared/templates/expand-container-spec';
import { expandPayload, payloadText, TEMPLATE_DRIVER } from '@swarm/shared/templates/expand-payload';
import { TemplateError } from '@swarm/shared/templates/template-error';
import { UnsupportedSpec } from '../engine/container-mounts.ts';
import type { PayloadFile } from './payload-files.ts';

/** What the node was given for its tasks, and where a task's files shall lie. */
export interface PayloadStock {
  readonly folder: string;
  readonly secrets: ReadonlyMap<string, AssignedSecret>;
  readonly configs: ReadonlyMap<string, AssignedConfig>;
}

export interface TaskPayloads {
  readonly files: readonly PayloadFile[];
  /** For `HostConfig.Mounts`. */
  readonly mounts: readonly object[];
  /** The credential spec that the spec names by a config, as text. */
  readonly credentialSpec?: string;
}

const SECRETS_FOLDER = '/run/secrets';
const CONFIGS_FOLDER = '/';
/** What a file can be given; the bits for set-uid and the like have no use here. Source: Docker's engine. */
const PERMISSIONS = 0o777;
const MOST_ID = 0xff_ff_ff_fe;

/** A bind of a task's file, as the engine takes it; relative targets lie where Docker Swarm puts them. */
function bind(folder: string, file: string, base: string, target: string): object {
  return { Type: 'bind', Source: posix.join(folder, file), Target: posix.resolve(base, target), ReadOnly: true };
}

/**
 * The files and mounts of a task's secrets and configs. `spec` is the expanded one.
 * @throws UnsupportedSpec or TemplateError with the reason for the user. Source: contract §6.4, Docker Swarm's executor.
 */
export function buildTaskPayloads(spec: ContainerSpec, context: PlaceholderContext, stock: PayloadStock): TaskPayloads {
  const look = createLookup(spec, context, stock);
  const files: PayloadFile[] = [];
  const mounts: object[] = [];
  for (const [index, reference] of (spec.Secrets ?? []).entries()) {
    const data = look.secret(reference);
    const target = reference.File?.Name ?? '';
    files.push(fileOf(`secret-${index}`, `secret "${reference.SecretName ?? ''}"`, reference.File, data));
    mounts.push(bind(stock.folder, `secret-${index}`, SECRETS_FOLDER, target));
  }
  for (const [index, reference] of (spec.Configs ?? []).entries()) {
    // One for the runtime is read, never mounted.
    if (reference.File === undefined) continue;
    files.push(fileOf(`config-${index}`, `config "${reference.ConfigName ?? ''}"`, reference.File, look.config(reference)));
    mounts.push(bind(stock.folder, `config-${index}`, CONFIGS_FOLDER, reference.File.Name ?? ''));
  }
  const named = spec.Privileges?.CredentialSpec?.Config;
  if (!named) return { files, mounts };
  const reference = (spec.Configs ?? []).find(({ ConfigID }) => ConfigID === named) ?? { ConfigID: named, ConfigName: named };
  return { files, mounts, credentialSpec: payloadText(`config "${reference.ConfigName ?? ''}"`, look.config(reference)) };
}

function createLookup(spec: ContainerSpec, context: PlaceholderContext, stock: PayloadStock) {
  /** As the cluster has it. */
  function rawSecret(reference: SecretReference): AssignedSecret {
    return stock.secrets.get(reference.SecretID ?? '') ?? missing('secret', reference.SecretName, reference.SecretID);
  }
  function rawConfig(reference: ConfigReference): AssignedConfig {
    return stock.configs.get(reference.ConfigID ?? '') ?? missing('config', reference.ConfigName, reference.ConfigID);
  }

  const sources = {
    env: spec.Env ?? [],
    secret(target: string): string {
      const reference = (spec.Secrets ?? []).find(({ File }) => File?.Name === target);
      if (reference === undefined) throw new Error(`secret target ${target} not found`);
      return payloadText(`secret ${target}`, bytesOf(rawSecret(reference)));
    },
    config(target: string): string {
      const reference = (spec.Configs ?? []).find(({ File }) => File?.Name === target);
      if (reference === undefined) throw new Error(`config target ${target} not found`);
      return payloadText(`config ${target}`, bytesOf(rawConfig(reference)));
    },
  };

  function expanded(kind: 'secret' | 'config', payload: AssignedSecret | AssignedConfig): Uint8Array {
    const driver = payload.spec.Templating?.Name ?? '';
    if (driver === '') return bytesOf(payload);
    try {
      if (driver !== TEMPLATE_DRIVER) throw new TemplateError('unrecognized template type');
      const text = payloadText(`${kind} "${payload.spec.Name ?? payload.ID}"`, bytesOf(payload));
      return new TextEncoder().encode(expandPayload(text, context, sources));
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      throw new TemplateError(`failed to expand templated ${kind} ${payload.ID}: ${error.message}`);
    }
  }

  return {
    secret: (reference: SecretReference) => expanded('secret', rawSecret(reference)),
    config: (reference: ConfigReference) => expanded('config', rawConfig(reference)),
  };
}

function missing(kind: 'secret' | 'config', name = '', id = ''): never {
  throw new UnsupportedSpec(
    `${kind} "${name}" (${id}) is no longer in the cluster, and this task needs it; create it anew and update the service to use the new one`,
  );
}

function bytesOf(payload: AssignedSecret | AssignedConfig): Uint8Array {
  return Buffer.from(payload.spec.Data ?? '', 'base64');
}

function fileOf(name: string, what: string, file: SecretReference['File'], data: Uint8Array): PayloadFile {
  return {
    name,
    data,
    uid: numericID(what, 'UID', file?.UID),
    gid: numericID(what, 'GID', file?.GID),
    mode: (file?.Mode ?? 0) & PERMISSIONS,
  };
}

function numericID(what: string, field: 'UID' | 'GID', text = ''): number {
  if (text === '') return 0;
  const id = Number(text);
  if (!/^\d+$/.test(text) || id > MOST_ID) {
    throw new UnsupportedSpec(
      `${what}: File.${field} "${text}" is not a number; the names of a container's users are not known outside it`,
    );
  }
  return id;
}
