using System.Text;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class MessageHeadersTests
{
    /// <summary>A few names, so that some are repeated, and any other text.</summary>
    [Property]
    public void Names_and_values_come_back_in_their_order_null_and_empty_and_repeated(Tuple<byte, string?, byte[]>[] headers)
    {
        var expected = headers.Select(h => (Name: NameOf(h.Item1, h.Item2), Value: h.Item1 % 3 == 0 ? null : h.Item3)).ToArray();
        var message = SyncMessage.Create(
            default(ReadOnlyMemory<byte>),
            headers: expected.Select(h => new MessageHeader(h.Name, h.Value is null ? default(ReadOnlyMemory<byte>?) : h.Value)));

        Assert.Equal(expected.Length == 0, message.Headers.IsEmpty);
        Assert.Equal(expected.Select(h => Utf8(h.Name)), message.Headers.Select(h => h.Name));
        Assert.Equal(expected.Select(h => h.Value), message.Headers.Select(h => h.Value?.ToArray()));
        foreach (var name in expected.Select(h => h.Name).Append("never"))
        {
            var last = expected.LastOrDefault(h => Utf8(h.Name) == Utf8(name) && h.Value is not null).Value;
            Assert.Equal(last is not null, message.Headers.TryGetValue(name, out var value));
            Assert.Equal(last ?? [], value.ToArray());
            Assert.Equal(last is null ? null : Encoding.UTF8.GetString(last), message.Headers.GetString(name));
        }
    }

    [Fact]
    public void No_header_is_an_empty_list()
    {
        Assert.Empty(default(MessageHeaders));
        Assert.True(default(MessageHeaders).IsEmpty);
        Assert.False(default(MessageHeaders).TryGetValue("a", out _));
        Assert.Null(default(MessageHeaders).GetString(""));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(10_000)]
    public void A_long_name_is_found(int length)
    {
        var name = new string('€', length);

        Assert.Equal("x", With((name, "x")).GetString(name));
        Assert.Null(With((name, "x")).GetString(name + "€"));
    }

    [Fact]
    public void The_last_of_several_wins_and_one_without_a_value_does_not_count()
    {
        var headers = SyncMessage.Create(default(ReadOnlyMemory<byte>), headers:
        [
            new MessageHeader("a", "1"u8.ToArray()),
            new MessageHeader("a", "2"u8.ToArray()),
            new MessageHeader("a", null),
        ]).Headers;

        Assert.Equal("2", headers.GetString("a"));
        Assert.Equal(["1", "2", ""], headers.Select(h => h.ValueAsString));
    }

    [Fact]
    public void Equal_means_the_same_headers_in_the_same_order()
    {
        var one = With(("a", "1"), ("b", "2"));

        Assert.True(one == With(("a", "1"), ("b", "2")));
        Assert.Equal(one.GetHashCode(), With(("a", "1"), ("b", "2")).GetHashCode());
        Assert.True(one != With(("b", "2"), ("a", "1")));
        Assert.False(one.Equals("a"));
    }

    [Fact]
    public void A_walk_can_start_anew()
    {
        var walk = With(("a", "1"), ("b", "2")).GetEnumerator();
        Assert.True(walk.MoveNext());
        Assert.True(walk.MoveNext());
        Assert.False(walk.MoveNext());
        walk.Reset();

        Assert.True(walk.MoveNext());
        Assert.Equal("a", walk.Current.Name);
    }

    /// <summary>In memory they are numbers. One that were taken for another would be a wrong id or a wrong trace.</summary>
    [Fact]
    public void Each_name_of_the_envelope_is_itself_and_what_resembles_it_is_not()
    {
        string[] names =
        [
            "ce_id", "ce_specversion", "ce_source", "ce_type", "ce_time", "content-type", "ce_correlationid", "traceparent", "tracestate",
        ];
        var headers = With([.. names.SelectMany(n => new[] { (n, n), (n.ToUpperInvariant(), "upper"), (n + "s", "longer"), (n[..^1], "shorter"), (n[..^1] + "\u007F", "other") })]);

        Assert.All(names, name => Assert.Equal(name, headers.GetString(name)));
        Assert.All(names, name => Assert.Equal("other", headers.GetString(name[..^1] + "\u007F")));
        Assert.Equal(
            names.SelectMany(n => new[] { n, n.ToUpperInvariant(), n + "s", n[..^1], n[..^1] + "\u007F" }),
            headers.Select(h => h.Name));
    }

    private static string NameOf(byte number, string? other) => number switch
    {
        < 120 => $"name-{number % 4}",
        < 200 => KnownHeaders.Name(number % 9),
        _ => other ?? "",
    };

    private static string Utf8(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    private static MessageHeaders With(params (string Name, string Value)[] headers) => SyncMessage.Create(
        default(ReadOnlyMemory<byte>), headers: headers.Select(h => new MessageHeader(h.Name, Encoding.UTF8.GetBytes(h.Value)))).Headers;
}
