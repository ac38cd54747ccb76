using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>A conditional between null and bytes has the type of the bytes, and turns null into no bytes without a word. It did so here.</summary>
public sealed class NoKeyIsNotAnEmptyKeyTests
{
    [Fact]
    public void No_key_is_none_and_an_empty_key_is_empty()
    {
        var without = SyncMessage.Create(null);
        var empty = SyncMessage.Create(null, key: "");

        Assert.Null(without.Key);
        Assert.False(without.HasKey);
        Assert.Equal(0, empty.Key?.Length);
        Assert.True(empty.HasKey);
    }

    [Fact]
    public void A_header_without_a_value_has_none_and_one_with_an_empty_value_has_that()
    {
        var message = SyncMessage.Create(
            null, headers: [new MessageHeader("none", null), new MessageHeader("empty", ReadOnlyMemory<byte>.Empty)]);

        var headers = message.Headers.ToList();

        Assert.Null(headers[0].Value);
        Assert.Equal(0, headers[1].Value?.Length);
        Assert.False(message.Headers.TryGetValue("none", out _));
        Assert.True(message.Headers.TryGetValue("empty", out _));
    }
}
