/** Words of a pending task's `Status.Err` that other parts of the manager act on; the scheduler writes them. */
export const HOST_PORT_IN_USE = 'host-mode port already in use';
