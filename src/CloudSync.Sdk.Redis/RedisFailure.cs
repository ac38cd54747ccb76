using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>What went wrong with a call, and what to do about it, for the person who was woken. No text of the client's goes into it but what the server said.</summary>
internal static class RedisFailure
{
    /// <summary>One or two sentences.</summary>
    /// <param name="exception">What the client threw.</param>
    /// <param name="what">What was being done: <c>claim</c>.</param>
    /// <param name="endpoint">Where.</param>
    /// <param name="refusedCertificate">Why the server's certificate is not accepted, when it is not.</param>
    public static string Describe(Exception exception, string what, string endpoint, string? refusedCertificate = null) =>
        $"Redis at {endpoint} did not {what} ids: {Reason(exception, refusedCertificate)}";

    private static string Reason(Exception exception, string? refusedCertificate) => exception switch
    {
        RedisServerException server => Refused(server),
        RedisTimeoutException or TimeoutException =>
            "it did not answer in time, and whether it did what it was asked is not known. Look at its load, SLOWLOG and the network; the time is Idempotency:StoreTimeout.",
        RedisConnectionException when refusedCertificate is not null =>
            $"its certificate is not accepted: {refusedCertificate}. It must name the host that Endpoints names, and be issued by an authority in TlsCaFile, or without that by one that the machine trusts.",
        RedisConnectionException connection => NotConnected(connection),
        ObjectDisposedException => "its connection, which this program has made itself and given to UseRedisIdempotency, has been disposed of. Keep it for as long as the host runs.",
        RedisCommandException command => $"the client refused: {FirstLine(command)}",
        _ => $"{exception.GetType().Name}: {FirstLine(exception)}",
    };

    private static string Refused(RedisServerException exception)
    {
        var said = FirstLine(exception);
        var advice = exception.Kind switch
        {
            RedisErrorKind.OutOfMemory => OutOfMemory,
            RedisErrorKind.Loading => "It reads its data from disk after a start, and takes no commands until that is done: wait.",
            RedisErrorKind.ReadOnly => "It is a replica: there was a failover, and the client looks for the new primary. Endpoints should name all nodes.",
            RedisErrorKind.Misconfigured => "It can't write its data to disk, and refuses writes: look at its disk and log (stop-writes-on-bgsave-error).",
            RedisErrorKind.NoAuth or RedisErrorKind.WrongPass => BadCredentials,
            RedisErrorKind.NoPermission => NoPermission,
            RedisErrorKind.CrossSlot => "Its keys should lie in one slot; a proxy that rewrites keys or hash tags does not do.",
            RedisErrorKind.ClusterDown => "The cluster does not serve all of its slots: look at CLUSTER INFO for the node that is down.",
            RedisErrorKind.MasterDown or RedisErrorKind.NoReplicas => "Replication is broken: look at INFO replication.",
            RedisErrorKind.Busy => "A script of somebody's blocks it: look at SLOWLOG, and end it with SCRIPT KILL.",
            RedisErrorKind.MaxClients => "It has too many connections: raise maxclients, or find who does not close his.",
            _ => Known(said),
        };
        return $"it answered '{said}'. {advice}".TrimEnd();
    }

    /// <summary>What fails within a script may come with words in front.</summary>
    private static string Known(string said)
    {
        if (said.Contains("OOM ", StringComparison.Ordinal))
            return OutOfMemory;
        if (said.Contains("NOPERM", StringComparison.Ordinal) || said.Contains("ACL", StringComparison.Ordinal))
            return NoPermission;
        if (said.Contains("WRONGTYPE", StringComparison.Ordinal))
            return "Another program has keys of these names: set KeyPrefix.";
        if (said.Contains("Unknown Redis command", StringComparison.OrdinalIgnoreCase))
            return "It must be Redis 6.2 or later, Valkey, or Garnet with Lua.";
        return "";
    }

    private static string NotConnected(RedisConnectionException exception)
    {
        // Of a call that found no connection the outer exception says that, and the inner ones why there is none.
        var reason = exception.FailureType;
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is RedisServerException server)
                return Refused(server);

            if (inner is RedisConnectionException connection)
                reason = connection.FailureType;
        }

        return reason switch
        {
            ConnectionFailureType.AuthenticationFailure => BadCredentials,
            ConnectionFailureType.Loading => "it reads its data from disk after a start, and takes no commands until that is done: wait.",
            _ => $"there is no connection ({reason}){Unknown(exception)}. The client goes on trying; if it stays, look whether the server runs, and at Endpoints, Tls, User and Password.",
        };
    }

    private static string Unknown(RedisConnectionException exception) =>
        exception.CommandStatus == CommandStatus.Sent ? ", and whether it did what it was asked is not known" : "";

    private const string OutOfMemory =
        "It has reached maxmemory: raise it (docs/redis.md says how much ids take), or lower Idempotency:Retention. maxmemory-policy should stay noeviction: ids that are evicted are delivered again.";

    private const string BadCredentials = "Its User and Password were refused: look at the settings, and at ACL LIST.";

    private const string NoPermission = "The user may not do that: docs/redis.md has the ACL that is needed.";

    private static string FirstLine(Exception exception)
    {
        var text = exception.Message;
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        text = end < 0 ? text : text[..end];
        return text.Length > 300 ? text[..300] + "…" : text;
    }
}
