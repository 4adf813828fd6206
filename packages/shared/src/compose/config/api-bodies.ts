import type { StackSpec } from '../load-stack.ts';

type Body = { readonly [key: string]: unknown };

/**
 * The bodies that `docker stack deploy` would post, each under its full name: what the Go client's encoder adds to them
 * (nulls and zero values of fields that it never leaves out) is here too. Ids, which only a manager gives, are empty.
 */
export function apiBodies(stack: StackSpec): { readonly [section: string]: { readonly [name: string]: Body } } {
  const section = <T>(entries: { readonly [name: string]: T }, body: (entry: T) => Body) =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, body(entry)]));
  return {
    networks: section(stack.networks, networkBody),
    secrets: section(stack.secrets, (secret) => ({ ...secret })),
    configs: section(stack.configs, (config) => ({ ...config })),
    services: section(stack.services, serviceBody),
  };
}

function networkBody(network: StackSpec['networks'][string]): Body {
  return {
    Driver: '',
    Scope: '',
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigOnly: false,
    ConfigFrom: null,
    Options: null,
    ...network,
    IPAM: network.IPAM === undefined ? null : { Driver: '', Options: null, Config: null, ...network.IPAM },
  };
}

function serviceBody(service: StackSpec['services'][string]): Body {
  const task = service.TaskTemplate ?? {};
  const container = task.ContainerSpec ?? {};
  const privileges = container.Privileges ?? {};
  const withID = (key: 'SecretID' | 'ConfigID') => (reference: Body) => ({ ...reference, [key]: '' });
  return {
    ...service,
    TaskTemplate: {
      ...task,
      ContainerSpec: {
        ...container,
        Privileges: {
          SELinuxContext: null,
          NoNewPrivileges: false,
          ...privileges,
          CredentialSpec:
            privileges.CredentialSpec === undefined ? null : { Config: '', File: '', Registry: '', ...privileges.CredentialSpec },
        },
        ...(container.Secrets && { Secrets: container.Secrets.map(withID('SecretID')) }),
        ...(container.Configs && { Configs: container.Configs.map(withID('ConfigID')) }),
      },
    },
    EndpointSpec: service.EndpointSpec ?? {},
  };
}
