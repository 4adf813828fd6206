/** Where the daemon and `swarm net` meet, in a folder of their own: apart from both, since neither needs the other's code. */
export const CONTROL_FILE = 'control.sock';
export const TABLES_FILE = 'tables.json';
