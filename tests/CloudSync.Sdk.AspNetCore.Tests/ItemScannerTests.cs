using System.IO.Pipelines;
using System.Text;
using CloudSync.Sdk.Ingest;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Where items begin and end, however the body is cut into pieces.</summary>
public sealed class ItemScannerTests
{
    private static readonly string[] Items =
    [
        "{}", "[]", "1", "-2.5e3", "null", "true", "\"\"", "\"a,b]\"", """{"a":"}]\""}""", """{"a":[1,{"b":"\\"}],"ü":"\u00fc"}""", "[[[]],{}]", "\"\\\\\"",
    ];

    [Property(MaxTest = 500)]
    public Property Items_are_found_whole_however_a_body_is_cut(bool isLines) => Prop.ForAll(
        Gen.Elements(Items).ListOf().ToArbitrary(), Gen.Choose(1, 7).NonEmptyListOf().ToArbitrary(), Gen.Elements("", " ", "\r\n\t ").ToArbitrary(),
        (items, cuts, blank) =>
        {
            var body = isLines
                ? string.Concat(items.Select(item => $"{blank}{item}\n")) + blank
                : $"{blank}[{blank}{string.Join($"{blank},{blank}", items)}{blank}]{blank}";
            var found = ReadAsync(Encoding.UTF8.GetBytes(body), [.. cuts], isLines).GetAwaiter().GetResult();
            Assert.Equal(items, found);
        });

    [Theory]
    [InlineData("1\n2\n", "1 2")]
    [InlineData("\n \r\n1\r\n\n\n2", "3 6")]
    [InlineData("12 \n \n\n\n3", "1 5")]
    public async Task Of_each_line_it_is_known_which_it_is_however_a_body_is_cut(string body, string expected)
    {
        foreach (var cut in (int[])[1, 2, 3, 100])
        {
            using var reader = new BatchReader(PipeReader.Create(Segments.Of(Encoding.UTF8.GetBytes(body), [cut])), new LineScanner(), new CloudSyncIngestOptions());
            var lines = new List<long>();
            while (await reader.NextAsync(TestContext.Current.CancellationToken) is not null)
                lines.Add(reader.Line);
            Assert.Equal(expected, string.Join(' ', lines));
        }
    }

    [Theory]
    [InlineData("[1", ": it ends before its array does")]
    [InlineData("[1,", "1 : it ends before its array does")]
    [InlineData("[1,]", "1 : after an item comes")]
    [InlineData("[,1]", ": after an item comes")]
    [InlineData("[1 2]", "1 : after an item comes")]
    [InlineData("[1]]", "1 : after an item comes")]
    [InlineData("[1],", "1 : after an item comes")]
    [InlineData("[{}}", "{} : after an item comes")]
    [InlineData("{}", "must be an array")]
    [InlineData("\uFEFF[1]", "1")]
    [InlineData("\uFEFF\uFEFF[1]", "must be an array")]
    [InlineData(" ", "is empty")]
    public async Task What_is_no_array_is_broken_where_it_breaks(string body, string expected)
    {
        foreach (var cut in (int[])[1, 2, 100])
        {
            var found = string.Join(' ', await ReadAsync(Encoding.UTF8.GetBytes(body), [cut], isLines: false));
            Assert.StartsWith(expected, (" " + found.Replace("is not valid JSON", "", StringComparison.Ordinal)).Replace("  ", " ", StringComparison.Ordinal).Trim(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_item_costs_memory_up_to_its_limit_and_a_batch_costs_none()
    {
        const int Limit = 50_000;
        const int Count = 2_000;
        var limits = new CloudSyncIngestOptions { MaxBodyBytes = Limit, MaxBatchBodyBytes = long.MaxValue };
        var item = Encoding.UTF8.GetBytes($"\"{new string('x', Limit - 2)}\"");
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 16_384, resumeWriterThreshold: 8_192));
        var writing = Task.Run(
            async () =>
            {
                await pipe.Writer.WriteAsync("["u8.ToArray());
                for (var i = 0; i < Count; i++)
                {
                    await pipe.Writer.WriteAsync(i == 0 ? " "u8.ToArray() : ","u8.ToArray());
                    await pipe.Writer.WriteAsync(item);
                }

                await pipe.Writer.WriteAsync("]"u8.ToArray());
                await pipe.Writer.CompleteAsync();
            },
            TestContext.Current.CancellationToken);

        using var reader = new BatchReader(pipe.Reader, new ArrayScanner(), limits);
        var count = 0;
        while (await reader.NextAsync(TestContext.Current.CancellationToken) is { } found)
        {
            Assert.Equal(item.Length, found.Length);
            count++;
        }

        await writing;
        Assert.Equal((Count, null), (count, reader.Stop));
        Assert.InRange(reader.LargestCopy, 1, 65_536);
        Assert.InRange(reader.MostHeld, 1, 2 * Limit + 16_384);
    }

    [Fact]
    public async Task An_item_without_an_end_is_refused_at_its_limit()
    {
        var limits = new CloudSyncIngestOptions { MaxBodyBytes = 1_000, MaxBatchBodyBytes = long.MaxValue };
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await pipe.Writer.WriteAsync("[\""u8.ToArray(), TestContext.Current.CancellationToken);
        for (var i = 0; i < 100; i++)
            await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(new string('x', 100)), TestContext.Current.CancellationToken);
        await pipe.Writer.CompleteAsync();

        using var reader = new BatchReader(pipe.Reader, new ArrayScanner(), limits);
        Assert.Null(await reader.NextAsync(TestContext.Current.CancellationToken));

        Assert.Equal((413, 1_000), (reader.Stop?.Status, reader.Stop?.Error.Limit));
    }

    /// <summary>The items, and what is wrong behind them.</summary>
    private static async Task<List<string>> ReadAsync(byte[] body, int[] cuts, bool isLines)
    {
        var found = new List<string>();
        using var reader = new BatchReader(
            PipeReader.Create(Segments.Of(body, cuts)), isLines ? new LineScanner() : new ArrayScanner(), new CloudSyncIngestOptions());
        while (await reader.NextAsync(CancellationToken.None) is { } item)
            found.Add(Encoding.UTF8.GetString(item.Span).TrimEnd('\n'));
        if (reader.Stop is { } stop)
            found.Add(stop.Error.Detail);
        return found;
    }
}
