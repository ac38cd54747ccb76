using System.Buffers;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Results;
using HdrHistogram;
using Microsoft.AspNetCore.Http;

namespace CloudSync.LoadTest.Parts;

/// <summary>What an endpoint has seen.</summary>
/// <param name="Arrived">Different messages, in all.</param>
/// <param name="Duplicates">Arrivals of one that was there already, in all.</param>
/// <param name="Invented">Arrivals of what is no message of the run, in all.</param>
/// <param name="Calls">Requests, in all.</param>
/// <param name="BusySeconds">Their time, added up: with calls at the same time, more than a second in a second.</param>
/// <param name="SinceFirst">Seconds since the first message that came after the latency was asked for last; 0 before.</param>
internal sealed record EndpointCount(long Arrived, long Duplicates, long Invented, long Calls, double BusySeconds, double SinceFirst);

/// <summary>One cloud's endpoint: it reads what is posted, notes each message, and answers 200.</summary>
internal sealed class CloudEndpoint(Events events, TimeSpan latency, Fault fault)
{
    public const int FaultEvery = 100_000;

    private const int MostEvents = 512;

    private readonly ArrivalLedger _ledger = new();
    private readonly Lock _lock = new();
    private LongHistogram _latency = Histograms.New();
    private long _calls;
    private long _busyTicks;
    private long _heldBack = -1;
    private long _first;

    public EndpointCount Count => new(
        _ledger.Arrived, _ledger.Duplicates, _ledger.Invented, Volatile.Read(ref _calls), TimeSpan.FromTicks(Volatile.Read(ref _busyTicks)).TotalSeconds,
        Volatile.Read(ref _first) is > 0 and var first ? TimeProvider.System.GetElapsedTime(first).TotalSeconds : 0);

    public ArrivalLedger Ledger => _ledger;

    public async Task HandleAsync(HttpContext context)
    {
        var began = TimeProvider.System.GetTimestamp();
        var length = (int)(context.Request.ContentLength ?? 0);
        var body = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            await context.Request.Body.ReadExactlyAsync(body.AsMemory(0, length), context.RequestAborted);
            if (latency > TimeSpan.Zero)
                await Task.Delay(latency);
            if (!TryTake(body.AsSpan(0, length)))
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
            Interlocked.Increment(ref _calls);
            Interlocked.Add(ref _busyTicks, TimeProvider.System.GetElapsedTime(began).Ticks);
        }
    }

    /// <summary>How long messages took from when they were due until they arrived, since this was asked last.</summary>
    public Latency NextLatency()
    {
        lock (_lock)
        {
            var summary = Histograms.Summary(_latency);
            _latency = Histograms.New();
            Volatile.Write(ref _first, 0);
            return summary;
        }
    }

    private bool TryTake(ReadOnlySpan<byte> body)
    {
        var messages = ArrayPool<(long Number, long Due)>.Shared.Rent(MostEvents);
        var foreign = events.Read(body, ref messages, out var count);
        var now = LoadMessages.Microseconds(DateTimeOffset.UtcNow);
        foreach (var (number, _) in messages.AsSpan(0, count))
            Note(number);
        lock (_lock)
        {
            if (count > 0 && _first == 0)
                Volatile.Write(ref _first, TimeProvider.System.GetTimestamp());
            foreach (var (_, due) in messages.AsSpan(0, count))
                Histograms.Record(_latency, TimeSpan.FromMicroseconds(now - due), 1);
        }

        ArrayPool<(long Number, long Due)>.Shared.Return(messages);
        if (foreign > 0)
            _ledger.AddInvented(foreign);
        return count + foreign > 0;
    }

    private void Note(long number)
    {
        if (fault == Fault.None || number % FaultEvery != FaultEvery / 2)
        {
            if (fault == Fault.Reorder)
                NoteHeldBack(number);
            _ledger.Add(number);
            return;
        }

        switch (fault)
        {
            case Fault.Repeat:
                _ledger.Add(number);
                _ledger.Add(number);
                break;
            case Fault.Reorder:
                Volatile.Write(ref _heldBack, number);
                break;
        }
    }

    /// <summary>A message that is held back comes when many others have come, one of its own key among them.</summary>
    private void NoteHeldBack(long number)
    {
        var held = Volatile.Read(ref _heldBack);
        if (held >= 0 && number > held + FaultEvery / 4 && Interlocked.CompareExchange(ref _heldBack, -1, held) == held)
            _ledger.Add(held);
    }
}
