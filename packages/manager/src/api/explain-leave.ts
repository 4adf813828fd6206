/** Why a manager should not leave without force. The last manager takes the cluster's state with it. */
export function explainLeave(managers: number): string {
  const first = 'You are attempting to leave the swarm on a node that is participating as a manager. ';
  if (managers <= 1) {
    return `${first}Removing the last manager erases all current state of the swarm. Use \`--force\` to ignore this message. `;
  }
  const left = managers - 1;
  const losesQuorum = left < Math.floor(managers / 2) + 1;
  const quorum = losesQuorum
    ? `Removing this node leaves ${left} managers out of ${managers}. Without a Raft quorum your swarm will be inaccessible. `
    : '';
  return `${first}${quorum}The only way to restore a swarm that has lost consensus is to reinitialize it with \`--force-new-cluster\`. Use \`--force\` to suppress this message.`;
}
