using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>Turns the settings into those of the client.</summary>
internal static class RedisConfiguration
{
    public static ConfigurationOptions Make(RedisIdempotencyOptions options, RedisTls? tls, string clientName, TimeSpan callTimeout, Action<ConfigurationOptions>? configure)
    {
        // Less than the caller waits: its own "did not answer in time" says neither where nor why.
        var timeout = (int)Math.Ceiling(callTimeout.TotalMilliseconds * 0.8);
        var client = new ConfigurationOptions
        {
            ClientName = clientName,
            User = string.IsNullOrEmpty(options.User) ? null : options.User,
            Password = string.IsNullOrEmpty(options.Password) ? null : options.Password,
            DefaultDatabase = options.Database,
            ConnectTimeout = (int)options.ConnectTimeout.TotalMilliseconds,
            AsyncTimeout = timeout,
            SyncTimeout = timeout, // Also bounds how long a call waits for a connection.

            // A host starts while Redis is down; the client tries again for as long as it takes.
            AbortOnConnectFail = false,

            // Neither a key nor a channel of the client's own, so that a user of an ACL needs rights for ours alone.
            TieBreaker = "",
            ConfigurationChannel = "",

            // Keys and counters in an exception are for debugging the client.
            IncludeDetailInExceptions = false,
        };
        foreach (var entry in options.Endpoints.Split(','))
        {
            if (RedisEndpoint.TryParse(entry, out var endpoint))
                client.EndPoints.Add(endpoint);
        }

        if (tls is not null)
        {
            client.Ssl = true;
            client.SslClientAuthenticationOptions = tls.For;
        }

        configure?.Invoke(client);
        return client;
    }
}
