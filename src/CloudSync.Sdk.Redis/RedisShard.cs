using System.Globalization;
using StackExchange.Redis;

namespace CloudSync.Sdk;

/// <summary>A part of a group's ids: its keys, which lie in one slot of a cluster.</summary>
internal sealed class RedisShard
{
    public RedisShard(string prefix, string group, int number)
    {
        // With the version of the layout, so that none is ever read as another.
        // Escaped: a brace would end the part of the name that makes the slot, and a colon make the names of two groups the same.
        var name = string.Create(CultureInfo.InvariantCulture, $"{{{prefix}:{Uri.EscapeDataString(group)}:{number}}}");
        Keys = [$"{name}:2:claims", .. Enumerable.Range(0, StoreScripts.Sets).Select(i => (RedisKey)string.Create(CultureInfo.InvariantCulture, $"{name}:2:ids:{i}"))];
    }

    /// <summary>The claims, then the sets of the ring.</summary>
    public RedisKey[] Keys { get; }
}
