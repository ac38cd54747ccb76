using System.Globalization;
using System.Text;
using System.Threading.Channels;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>A host with a producer, and what its tests share.</summary>
internal static class ProducerHost
{
    public const string Topic = "data-topic";

    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static EmbeddedKafka Kafka(int partitions = 1)
    {
        var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic(Topic, partitions);
        kafka.CreateTopic("traced");
        return kafka;
    }

    public static async Task<IHost> Start(
        EmbeddedKafka kafka, Action<CloudSyncProducerOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("CloudSync:Producer:BootstrapServers", kafka.BootstrapServers)]);
        builder.Services.AddCloudSyncProducer(builder.Configuration.GetSection("CloudSync:Producer"))
            .Configure(configure ?? (_ => { }))
            // An outage in a test is short, and so should be the wait after it.
            .ConfigureKafka(config => (config.ReconnectBackoffMs, config.ReconnectBackoffMaxMs) = (10, 100));
        services?.Invoke(builder.Services);
        var host = builder.Build();
        try
        {
            await host.StartAsync(Cancelled);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    public static ICloudSyncProducer Producer(IHost host) => host.Services.GetRequiredService<ICloudSyncProducer>();

    public static OutgoingMessage Numbered(int number, string? key = null) =>
        new(Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture))) { Id = number.ToString(CultureInfo.InvariantCulture), Key = key };

    public static int Number(ConsumeResult<byte[]?, byte[]> record) =>
        int.Parse(Encoding.UTF8.GetString(record.Message.Value), CultureInfo.InvariantCulture);

    public static string? Header(ConsumeResult<byte[]?, byte[]> record, string name) =>
        record.Message.Headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;
}

/// <summary>Keeps what it is told.</summary>
internal sealed class Recorded : IProduceAcknowledgement
{
    private readonly Channel<object> _told = Channel.CreateUnbounded<object>();

    public ValueTask<object> Next() => _told.Reader.ReadAsync(ProducerHost.Cancelled);

    public IEnumerable<object> All()
    {
        while (_told.Reader.TryRead(out var next))
            yield return next;
    }

    public void Acknowledged(in ProducedMessage produced) => _told.Writer.TryWrite(produced);

    public void Failed(ProduceFailedException failure) => _told.Writer.TryWrite(failure);
}

/// <summary>Does not return before it is let go.</summary>
internal sealed class Held : IProduceAcknowledgement, IDisposable
{
    private readonly ManualResetEventSlim _letGo = new();
    private readonly TaskCompletionSource _inside = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when it is told.</summary>
    public Task IsInside => _inside.Task;

    public void Acknowledged(in ProducedMessage produced) => Hold();

    public void Failed(ProduceFailedException failure) => Hold();

    public void Dispose() => _letGo.Set();

    private void Hold()
    {
        _inside.TrySetResult();
        _letGo.Wait(CancellationToken.None);
    }
}
