# From services, their running tasks and one network to haproxy's frontend and backends. A service takes part when it says
# on which port it serves (environment SERVICE_PORTS); VIRTUAL_HOST keeps it to requests for that host.
def setting($name): (.Spec.TaskTemplate.ContainerSpec.Env // []) | map(select(startswith($name + "="))) | last // "" | sub("^[^=]*="; "");
def address($network): [.NetworksAttachments[]? | select(.Network.ID == $network) | .Addresses[0] | sub("/.*"; "")] | first;

$network[0].Id as $id
| [ $services[0][] | { id: .ID, name: .Spec.Name, port: setting("SERVICE_PORTS"), host: setting("VIRTUAL_HOST") } | select(.port != "") ]
| sort_by(.name) as $found
| ( "frontend web", "  bind :80",
    ( $found[] | select(.host != "") | "  use_backend \(.name) if { hdr(host),field(1,:) -i \(.host) }" ),
    "  default_backend everything" ),
  ( "backend everything",
    ( $found[] | select(.host == "") as $service
      | $tasks[0][] | select(.ServiceID == $service.id and .Status.State == "running") | { id: .ID, at: address($id) } | select(.at)
      | "  server \(.id) \(.at):\($service.port)" ),
    "  http-request return status 503 content-type text/plain string \"no service is there\\n\" if { nbsrv(everything) eq 0 }" ),
  ( $found[] | select(.host != "") as $service
    | "backend \($service.name)",
      ( $tasks[0][] | select(.ServiceID == $service.id and .Status.State == "running") | { id: .ID, at: address($id) } | select(.at)
        | "  server \(.id) \(.at):\($service.port)" ) )
