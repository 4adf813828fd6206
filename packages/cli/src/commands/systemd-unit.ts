/**
 * The unit under which the daemon runs where systemd is. `KillMode=process` and no stop of containers: what runs is the
 * engine's, and goes on while the daemon is restarted. deploy/swarm.service is this text for a tree in /opt/swarm.
 */
export function systemdUnit(launcher: string): string {
  return `[Unit]
Description=swarm, a cluster of Docker hosts
After=network-online.target docker.service
Wants=network-online.target docker.service

[Service]
Type=exec
ExecStart=${launcher} daemon
EnvironmentFile=-/etc/swarm/swarm.env
Restart=always
RestartSec=2
KillMode=process
LimitNOFILE=1048576
TasksMax=infinity
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}
