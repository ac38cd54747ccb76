using CloudSync.Sdk;
using CloudSync.TestHost;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

// A consumer in a process of its own, so that a test can kill it. All settings come by the command line: --CloudSync:Topic=… --Endpoint=…
var builder = Host.CreateApplicationBuilder(args);
builder.Services.AddCloudSyncConsumer("test", builder.Configuration.GetSection("CloudSync"))
    .UseSink(services => new PostSink(services.GetRequiredService<IConfiguration>()["Endpoint"]!));
builder.Build().Run();
