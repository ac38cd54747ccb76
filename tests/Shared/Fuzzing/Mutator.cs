using System.Text;

namespace CloudSync.Fuzzing;

/// <summary>Makes inputs out of seeds: some steps from one that is sound, so that they get past the first check, and any number of steps away from it.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> seeds, Random random)
{
    private const int Longest = 8_192;

    private static readonly byte[][] Tokens =
    [
        .. Fuzz.Texts(
            "{", "}", "[", "]", "\"", ":", ",", "\\", "'", "/*", "//", "#", "\0", "\t", "\r\n", "\n", " ", ";", "%", "%zz", "%C3%28", "<", ">", "<Code>", "</Code>", "&amp;",
            "null", "true", "false", "NaN", "Infinity", "-Infinity", "-0", "0x1F", "1e400", "1e-400", "-1", "99999999999999999999999999999999", "2147483648", "9223372036854775808", "0.1e+1", "00", "1.",
            "\\u0000", "\\ud800", "\\udc00\\ud800", "\\ud83d\\ude00", "\\u00e4", "\\u", "\\x", "\uFEFF", "\uFFFE", "\u2028", "ä€😀", "\u0085", "\u007F",
            "\"data\":", "\"data_base64\":\"AAEC\",", "\"id\":\"1\",", "\"\\u0069d\":\"2\",", "\"specversion\":\"1.0\",", "\"key\":null,", "\"results\":", "\"status\":", "ce_id", "content-type", "traceparent",
            "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", "Mon, 23 Nov 2026 12:00:30 GMT", "24:00"),
        [0xC3], [0x80], [0xFF, 0xFE], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0xEF, 0xBB],
    ];

    private static readonly string[] Scalars =
    [
        "null", "true", "false", "0", "-1.5e3", "1e400", "202", "\"\"", "\"1.0\"", "\"a\\\"]}\\\\\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"ä\"", "\"AAEC\"", "\"2026-01-31T12:00:00Z\"",
    ];

    private static readonly string[] Names = ["\"a\":", "\"id\" : ", "\"\\u0069d\":", "\"\":", "\"data\":"];
    private static readonly string[] Blanks = ["", "", "", " ", "\r\n\t"];

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        var input = new List<byte>(Any(seeds));
        for (var steps = random.Next(8) switch { 0 => 0, 1 or 2 or 3 => 1, 4 or 5 => 2, _ => random.Next(3, 12) }; steps > 0; steps--)
            Step(input);

        if (input.Count > Longest)
            input.RemoveRange(Longest, input.Count - Longest);
        return [.. input];
    }

    private void Step(List<byte> input)
    {
        var at = random.Next(input.Count + 1);
        var length = random.Next(1 + Math.Min(input.Count - at, random.Next(2) == 0 ? 8 : input.Count));
        switch (random.Next(14))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < input.Count:
                input[at] = (byte)random.Next(256);
                break;
            case 2:
                input.RemoveRange(at, input.Count - at);
                break;
            case 3:
                input.RemoveRange(at, length);
                break;
            case 4:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 5:
                // The head of this one and the tail of another.
                var other = Any(seeds);
                input.RemoveRange(at, input.Count - at);
                input.AddRange(other[random.Next(other.Length + 1)..]);
                break;
            case 6:
                input.RemoveRange(at, length);
                input.InsertRange(at, Any(Tokens));
                break;
            case 7:
                var bytes = new byte[random.Next(12)];
                random.NextBytes(bytes);
                input.InsertRange(at, bytes);
                break;
            case 8:
                Nest(input, at, length);
                break;
            case 9:
                // As long as a limit, or a little longer.
                input.InsertRange(at, Enumerable.Repeat((byte)"a9 [\""[random.Next(5)], random.Next(4) == 0 ? random.Next(2_000) : random.Next(70)));
                break;
            case 10 or 11:
                PutValue(input, at);
                break;
            case 12:
                PutText(input, at);
                break;
            default:
                input.InsertRange(at, Any(Tokens));
                break;
        }
    }

    /// <summary>Brackets around a part, so deep that it passes a limit now and then.</summary>
    private void Nest(List<byte> input, int at, int length)
    {
        var depth = random.Next(4) == 0 ? random.Next(1_100) : random.Next(70);
        input.InsertRange(at + length, Enumerable.Repeat((byte)']', random.Next(4) == 0 ? random.Next(depth + 1) : depth));
        input.InsertRange(at, Enumerable.Repeat((byte)'[', depth));
    }

    /// <summary>Puts a JSON value in the place of another, so that most of these are still JSON.</summary>
    private void PutValue(List<byte> input, int at)
    {
        var mark = input.FindIndex(at, b => b is (byte)':' or (byte)',' or (byte)'[');
        var value = new StringBuilder();
        WriteValue(value, 3);
        var begin = mark < 0 ? 0 : mark + 1;
        input.RemoveRange(begin, EndOfValue(input, begin) - begin);
        input.InsertRange(begin, Encoding.UTF8.GetBytes(value.ToString()));
    }

    /// <summary>Puts a token into a text.</summary>
    private void PutText(List<byte> input, int at)
    {
        var quote = input.IndexOf((byte)'"', at);
        input.InsertRange(quote < 0 ? at : quote + 1, Any(Tokens));
    }

    private static int EndOfValue(List<byte> input, int at)
    {
        var (depth, isString) = (0, false);
        for (; at < input.Count; at++)
        {
            var next = input[at];
            if (isString && next == '\\')
                at++;
            else if (next == '"')
                isString = !isString;
            else if (!isString && depth == 0 && next is (byte)',' or (byte)']' or (byte)'}')
                break;
            else if (!isString && next is (byte)'[' or (byte)'{')
                depth++;
            else if (!isString && next is (byte)']' or (byte)'}')
                depth--;
        }

        return Math.Min(at, input.Count);
    }

    private void WriteValue(StringBuilder json, int depth)
    {
        var blank = Blanks[random.Next(Blanks.Length)];
        var kind = depth == 0 ? 0 : random.Next(4);
        json.Append(blank);
        if (kind < 2)
        {
            json.Append(Scalars[random.Next(Scalars.Length)]);
        }
        else
        {
            json.Append(kind == 2 ? '[' : '{');
            for (var i = random.Next(4); i > 0; i--)
            {
                if (kind == 3)
                    json.Append(Names[random.Next(Names.Length)]);
                WriteValue(json, depth - 1);
                json.Append(i > 1 ? "," : "");
            }

            json.Append(kind == 2 ? ']' : '}');
        }

        json.Append(blank);
    }

    private byte[] Any(IReadOnlyList<byte[]> of) => of[random.Next(of.Count)];
}
