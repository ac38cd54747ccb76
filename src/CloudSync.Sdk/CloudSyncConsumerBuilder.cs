using System.Diagnostics.CodeAnalysis;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Completes the registration of one consumer. Everything is kept under the consumer's name, so several live in one process.</summary>
public sealed class CloudSyncConsumerBuilder
{
    internal CloudSyncConsumerBuilder(string name, IServiceCollection services)
    {
        Name = name;
        Services = services;
    }

    /// <summary>The consumer's name, which names its options, metrics, logs and, by default, its group.</summary>
    public string Name { get; }

    /// <summary>The services that the consumer is registered with, for extensions of this builder.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Changes options in code, after the configuration has been read.</summary>
    /// <param name="configure">The change.</param>
    public CloudSyncConsumerBuilder Configure(Action<CloudSyncConsumerOptions> configure)
    {
        Services.Configure(Name, configure);
        return this;
    }

    /// <summary>Changes settings of the Kafka client, last of all. Merges, never replaces; what a guarantee rests on is set back afterwards.</summary>
    /// <param name="configure">The change.</param>
    public CloudSyncConsumerBuilder ConfigureKafka(Action<ConsumerConfig> configure)
    {
        Services.AddKeyedSingleton(Name, configure);
        return this;
    }

    /// <summary>Delivers to this sink. The last sink named for a consumer is the one that is used.</summary>
    /// <param name="factory">Makes the sink, once, at start.</param>
    public CloudSyncConsumerBuilder UseSink(Func<IServiceProvider, ICloudSink> factory)
    {
        Services.RemoveAllKeyed<IBatchCloudSink>(Name);
        Services.RemoveAllKeyed<ICloudSink>(Name);
        Services.AddKeyedSingleton(Name, (services, _) => factory(services));
        return this;
    }

    /// <summary>Delivers to this sink, many messages in one call. The last sink named for a consumer is the one that is used.</summary>
    /// <param name="factory">Makes the sink, once, at start.</param>
    public CloudSyncConsumerBuilder UseBatchSink(Func<IServiceProvider, IBatchCloudSink> factory)
    {
        Services.RemoveAllKeyed<IBatchCloudSink>(Name);
        Services.RemoveAllKeyed<ICloudSink>(Name);
        Services.AddKeyedSingleton(Name, (services, _) => factory(services));
        return this;
    }

    /// <summary>Asks this classifier first what kind of failure it was; what it does not answer, the default one decides.</summary>
    /// <typeparam name="TClassifier">The classifier, made once.</typeparam>
    public CloudSyncConsumerBuilder UseErrorClassifier<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TClassifier>()
        where TClassifier : class, IErrorClassifier
    {
        Services.RemoveAllKeyed<IErrorClassifier>(Name);
        Services.AddKeyedSingleton<IErrorClassifier, TClassifier>(Name);
        return this;
    }

    /// <summary>Remembers ids in this store in place of the process' own memory.</summary>
    /// <param name="factory">Makes the store, once, at start.</param>
    public CloudSyncConsumerBuilder UseIdempotencyStore(Func<IServiceProvider, IIdempotencyStore> factory) =>
        UseIdempotencyStore((services, _) => factory(services));

    /// <summary>Remembers ids in this store in place of the process' own memory.</summary>
    /// <param name="factory">Makes the store, once, at start, from the consumer's settings: for how long it is to remember is among them.</param>
    public CloudSyncConsumerBuilder UseIdempotencyStore(Func<IServiceProvider, CloudSyncConsumerOptions, IIdempotencyStore> factory)
    {
        Services.RemoveAllKeyed<IIdempotencyStore>(Name);
        Services.AddKeyedSingleton(Name, (services, _) => factory(services, services.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get(Name)));
        return this;
    }

    /// <summary>
    /// Recognises copies by a text of your own, in place of <see cref="IdempotencyOptions.KeyStrategy"/>: two messages of the group with the same text are copies of each other, and the
    /// second is not delivered. An order's number and its version, for example, where producers make a new id at each retry.
    /// </summary>
    /// <param name="keyOf">
    /// Tells the text from the message; it must not depend on anything else, nor wait. <see langword="null"/> or empty: the message is known by its place alone. A message for
    /// which it throws becomes a dead letter (<see cref="ErrorType.ValidationError"/>).
    /// </param>
    public CloudSyncConsumerBuilder UseIdempotencyKey(Func<SyncMessage, string?> keyOf)
    {
        ArgumentNullException.ThrowIfNull(keyOf);
        Services.RemoveAllKeyed<Func<SyncMessage, string?>>(Name);
        Services.AddKeyedSingleton(Name, keyOf);
        return this;
    }
}
