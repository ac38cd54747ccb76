using System.Buffers.Text;
using System.Text;
using CloudSync.LoadTest.Load;

namespace CloudSync.LoadTest.Audit;

/// <summary>Finds the messages of a run in a batch of CloudEvents, as our sink writes them. It looks for what they begin with and reads no JSON: two endpoints share the machine with what is measured.</summary>
internal sealed class Events(string run, int payloadBytes)
{
    /// <summary>What each event begins with.</summary>
    private static readonly byte[] Start = """{"specversion":"1.0","id":"""u8.ToArray();

    private static readonly byte[] Due = "\"data\":{\"due\":"u8.ToArray();

    private readonly byte[] _prefix = Encoding.ASCII.GetBytes($"\"{run}-");

    /// <summary>Tells of each message of the run its number and when it was due, in microseconds since 1970.</summary>
    /// <returns>Events that are none of the run's messages.</returns>
    public int Read(ReadOnlySpan<byte> body, ref (long Number, long Due)[] messages, out int count)
    {
        var foreign = 0;
        count = 0;
        while (body.IndexOf(Start) is var at and >= 0)
        {
            body = body[(at + Start.Length)..];
            if (!TryRead(ref body, out var message))
            {
                foreign++;
                continue;
            }

            if (count == messages.Length)
                Array.Resize(ref messages, count * 2);
            messages[count++] = message;
        }

        return foreign;
    }

    private bool TryRead(ref ReadOnlySpan<byte> body, out (long Number, long Due) message)
    {
        message = default;
        if (!body.StartsWith(_prefix)
            || !Utf8Parser.TryParse(body[_prefix.Length..], out long number, out var digits)
            || digits != LoadMessages.NumberDigits
            || body.IndexOf(Due) is not (var at and >= 0)
            || !Utf8Parser.TryParse(body[(at + Due.Length)..], out long due, out digits)
            || digits != LoadMessages.DueDigits)
            return false;

        message = (number, due);
        // The rest of the payload need not be searched.
        body = body[Math.Min(body.Length, at + payloadBytes)..];
        return true;
    }
}
