using CloudSync.Sdk;
using CloudSync.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// A consumer in a process of its own, so that a test can kill it. All settings come by the command line: --CloudSync:Topic=…, --Endpoint=… for the plainest of sinks or
// --Http:Url=… for the package's, --Redis:Endpoints=… for a store that outlives the process. And from nowhere else: the settings of a sample lie beside it, among the tests' files.
var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
builder.Configuration.AddCommandLine(args);
builder.Logging.AddConsole();
var (http, redis) = (builder.Configuration.GetSection("Http"), builder.Configuration.GetSection("Redis"));
var consumer = builder.Services.AddCloudSyncConsumer("test", builder.Configuration.GetSection("CloudSync"));
if (http.Exists())
    consumer.UseHttpSink(http);
else
    consumer.UseSink(services => new PostSink(services.GetRequiredService<IConfiguration>()["Endpoint"]!));

if (redis.Exists())
    consumer.UseRedisIdempotency(redis);

builder.Build().Run();
