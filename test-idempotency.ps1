# Does each endpoint see each id once, though every message is sent three times and a consumer is killed half-way? The demo does it all; this passes on what it is told.

if ($args -contains '--help' -or $args -contains '-h') {
    @'
Sends every message three times, HTTP -> Kafka -> an AWS and an Azure endpoint, each with a consumer group of two processes that share a Redis; kills one process of
each group half-way (SIGKILL), with calls under way, starts it again, and judges: was each id carried out once, and sent once, but for what the killed process could not write
down? Takes less than a minute, the first run some minutes for its build, and needs the .NET 10 SDK alone: Kafka and Redis are embedded.

  ./test-idempotency.ps1 [options]

  --messages N      how many messages, 1,000 to 10,000,000 (default 10,000)
  --kafka ADDRESS   host:port[,host:port] of a real Kafka
  --redis ADDRESS   host:port of a real Redis; or 'none': each process remembers ids by itself, and the verdict must be red
  --report FILE     writes the verdict as JSON

Write an option and its value apart, and several addresses in quotes: PowerShell breaks --redis=host:port at its colon, and takes what has commas for a list.
Exit code: 0 the verdict is good, 1 it is not, or the run could not go on, 2 the command line is wrong, 130 interrupted.
'@
    exit 0
}

$ErrorActionPreference = 'Stop'
& dotnet run --project (Join-Path $PSScriptRoot 'samples/Demo') -- --idempotency @args
exit $LASTEXITCODE
