import type { Node } from '@swarm/shared/domain/objects';
import { AVAILABILITIES, type Availability, type Role } from '@swarm/shared/engine-api/cluster-spec';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';
import type { EnrolRequest } from '@swarm/shared/protocol/session';

/** What the decision rests on besides the request itself. */
export interface EnrolmentView {
  /** Of the key that signed the request. */
  readonly keyFingerprint: string;
  /** Of the valid client certificate that came with the connection, if one did. */
  readonly peerFingerprint?: string;
  /** The role that the request's token stands for now; undefined when it has none, or one that fits no more. */
  readonly tokenRole?: Role;
  /** The node that has this key. */
  readonly node?: Node;
}

export type EnrolmentPlan =
  | { readonly kind: 'create'; readonly role: Role; readonly availability: Availability; readonly labels: Readonly<Record<string, string>> }
  /** The same node again; `role` is the one it shall have, `changed` says that it had another. */
  | { readonly kind: 'renew'; readonly node: Node; readonly role: Role; readonly changed: boolean }
  | { readonly kind: 'refuse'; readonly refusal: ControlRefusal };

/**
 * Who gets a certificate. A key is a node: who proves a known key is that node, with or without a token, and gets the
 * role the store has for it. A new key needs a token. A removed node's key is unknown.
 */
export function decideEnrolment(request: EnrolRequest, view: EnrolmentView): EnrolmentPlan {
  const { node, tokenRole } = view;
  if (view.peerFingerprint !== undefined && view.peerFingerprint !== view.keyFingerprint) {
    return refuse('malformed', "the request is signed by another key than the client certificate's; a node keeps its key for life");
  }
  if (request.token !== undefined && tokenRole === undefined) {
    return refuse(
      'wrong-token',
      'A valid join token is necessary to join this cluster: this one was rotated or is mistyped; print the current one on a manager with "swarm join-token worker"',
    );
  }
  if (node !== undefined) {
    if (tokenRole !== undefined && tokenRole !== node.Spec.Role) {
      return refuse(
        'role',
        `this host is node ${node.ID} of the cluster already, as ${node.Spec.Role}, and the token is for a ${tokenRole}; leave the cluster first, or use the ${node.Spec.Role} token`,
      );
    }
    return { kind: 'renew', node, role: node.Spec.Role, changed: node.role !== node.Spec.Role };
  }
  if (tokenRole === undefined) {
    return refuse(
      'unknown-node',
      'no node of this cluster has this key: it was removed from the cluster; run "swarm leave --force" here, then "swarm join" with a token',
    );
  }
  if (tokenRole === 'manager') {
    return refuse(
      'role',
      'this cluster keeps its state on its one manager and cannot take a second; join with the worker token ("swarm join-token worker")',
    );
  }
  const availability = parseAvailability(request.availability);
  if (availability === undefined) {
    return refuse('malformed', `invalid Availability: "${request.availability}"; use active, pause or drain`);
  }
  const labels = request.labels ?? {};
  if (Object.keys(labels).some((key) => key.trim() === '')) return refuse('malformed', 'a node label needs a name: key=value');
  return { kind: 'create', role: tokenRole, availability, labels };
}

/** Empty means the default, as in the Engine API. */
function parseAvailability(text = ''): Availability | undefined {
  return text === '' ? 'active' : AVAILABILITIES.find((word) => word === text);
}

function refuse(code: ControlRefusal['code'], message: string): EnrolmentPlan {
  return { kind: 'refuse', refusal: { code, message } };
}
