using System.IO.Pipelines;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudSync.Fuzzing;
using CloudSync.Sdk.Ingest;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Bodies of batches made of sound ones, broken in any way and cut into pieces of any size.</summary>
public sealed class BatchReaderFuzzTests
{
    [Fact]
    public void An_array_has_the_items_that_a_document_of_it_has_however_it_is_cut() => Fuzz.Check(
        Fuzz.Texts(
            """[{"id":"1","key":"k","data":{"a":[1,{"b":"\\"}],"ü":"\u00fc"}},{"data":null}]""",
            " [ 1 ,\r\n-2.5e3\t, \"a,b]\\\"\" , null,true , [[[]],{}],\"\\\\\" ] ", "\uFEFF[{}]", "[]", "[1,]", "[,1]", "[1 2]", "[1]]", "[{}}", "{}", "", " ", "[\"", "[{\"a\":\"}]\\\"\"}", "[1\"a,b\"]", " \uFEFF[]")

            // A part of a byte order mark was taken for a whole one.
            .Concat(Fuzz.Found("71td", "7yC7v1tdCg==")).ToArray(),
        (input, random) =>
        {
            var limits = Limits(random);
            var found = Read(input, limits, isLines: false, random);
            if (Whole(limits, input) && Document(input) is { } items)
            {
                Assert.Equal((null, items), (found.Stop, string.Join('\n', found.Items)));
                return items.Length > 0;
            }

            if (Whole(limits, input) && found.Stop is null)
                Assert.True(found.Items.Exists(item => Document(Encoding.Latin1.GetBytes($"[{item}]")) is null), "What is no array was taken for one, and none of its items tells.");
            return false;
        });

    [Fact]
    public void Lines_are_items_but_for_those_with_nothing_in_them_however_they_are_cut() => Fuzz.Check(
        Fuzz.Texts("{\"id\":\"1\",\"data\":1}\n{\"data\":null}\r\n\r\n \t\n[1]\n", "{}\n{}", "\n\n", "", "1\n\n\r2\r\n\"a\\nb\"\n", "{\"data\":\n1}", "x\0y\n\uFEFF{}\n"),
        (input, random) =>
        {
            var limits = Limits(random);
            var found = Read(input, limits, isLines: true, random);
            var lines = Encoding.Latin1.GetString(input).Split('\n').Select(line => line.TrimStart('\r', ' ', '\t')).Where(line => line.Length > 0).ToList();
            if (input.Length > limits.MaxBatchBodyBytes || lines.Exists(line => line.Length > limits.MaxBodyBytes))
            {
                Assert.Equal(413, found.Stop?.Status);
                Assert.Equal(lines.Take(found.Items.Count), found.Items);
                return false;
            }

            Assert.Null(found.Stop);
            Assert.Equal(lines, found.Items);
            return lines.Count > 0;
        });

    /// <summary>Reads a body in one piece and in many, and compares.</summary>
    private static (List<string> Items, (int Status, FieldError Error)? Stop) Read(byte[] body, CloudSyncIngestOptions limits, bool isLines, Random random)
    {
        var whole = Read(PipeReader.Create(new(body)), limits, isLines);
        var cuts = new List<int>();
        var longest = random.Next(3) switch { 0 => 1, 1 => 8, _ => 1 + body.Length };
        for (var at = 0; at < body.Length; at += cuts[^1])
            cuts.Add(Math.Min(random.Next(1, 1 + longest), body.Length - at));

        foreach (var cut in (List<(List<string> Items, (int, FieldError)? Stop)>)[Read(PipeReader.Create(Segments.Of(body, cuts)), limits, isLines), Read(new SlowPipe(body, cuts), limits, isLines)])
        {
            Assert.Equal(whole.Stop, cut.Stop);
            Assert.Equal(whole.Items, cut.Items);
        }

        Assert.All(whole.Items, item => Assert.InRange(item.Length, 1, limits.MaxBodyBytes));

        // Nothing is lost between the items: blanks and marks alone stand there.
        var (text, at2) = (Encoding.Latin1.GetString(body), 0);
        foreach (var item in whole.Items)
        {
            var next = text.IndexOf(item, at2, StringComparison.Ordinal);
            Assert.True(next >= at2 && IsBetween(text[at2..next], isLines));
            at2 = next + item.Length;
        }

        Assert.True(at2 <= limits.MaxBatchBodyBytes);
        if (whole.Stop is null)
            Assert.True(IsBetween(text[at2..], isLines));
        return whole;
    }

    private static bool IsBetween(string text, bool isLines) => text.All(c => c is ' ' or '\t' or '\r' or '\n' || (!isLines && c is ',' or '[' or ']' or 'ï' or '»' or '¿'));

    private static (List<string> Items, (int Status, FieldError Error)? Stop) Read(PipeReader body, CloudSyncIngestOptions limits, bool isLines)
    {
        using var reader = new BatchReader(body, isLines ? new LineScanner() : new ArrayScanner(), limits);
        var items = new List<string>();
        while (reader.NextAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult() is { } item)
            items.Add(Encoding.Latin1.GetString(item.Span));
        return (items, reader.Stop);
    }

    private static CloudSyncIngestOptions Limits(Random random) => random.Next(3) switch
    {
        0 => new CloudSyncIngestOptions { MaxBodyBytes = random.Next(1, 200), MaxBatchBodyBytes = 1 << 20 },
        1 => new CloudSyncIngestOptions { MaxBodyBytes = random.Next(1, 200), MaxBatchBodyBytes = random.Next(1, 200) },
        _ => new CloudSyncIngestOptions(),
    };

    private static bool Whole(CloudSyncIngestOptions limits, byte[] body) => body.Length <= Math.Min(limits.MaxBodyBytes, limits.MaxBatchBodyBytes);

    /// <summary>The items of a JSON array, a line for each as it stands there; <see langword="null"/> when it is none.</summary>
    private static string? Document(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body.AsMemory(body.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0), new JsonDocumentOptions { MaxDepth = 10_000 });
            return json.RootElement.ValueKind == JsonValueKind.Array ? string.Join('\n', json.RootElement.EnumerateArray().Select(item => Encoding.Latin1.GetString(JsonMarshal.GetRawUtf8Value(item)))) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A body of which each read brings one piece more, as from a network.</summary>
    private sealed class SlowPipe(byte[] body, List<int> cuts) : PipeReader
    {
        private int _examined;
        private int _consumed;
        private int _next;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            // Who has not looked at all that was there gets the same again.
            if (_examined == _consumed + Length && _next < cuts.Count)
                Length += cuts[_next++];
            Now = new(body, _consumed, Length);
            return ValueTask.FromResult(new ReadResult(Now, isCanceled: false, isCompleted: _next == cuts.Count));
        }

        private int Length { get; set; }

        private System.Buffers.ReadOnlySequence<byte> Now { get; set; }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            var taken = (int)Now.Slice(0, consumed).Length;
            _examined = _consumed + (int)Now.Slice(0, examined).Length;
            (_consumed, Length) = (_consumed + taken, Length - taken);
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void CancelPendingRead() => throw new NotSupportedException();

        public override void Complete(Exception? exception = null)
        {
        }

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();
    }
}
