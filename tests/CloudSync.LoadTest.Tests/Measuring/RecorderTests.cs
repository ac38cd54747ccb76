using System.Diagnostics;
using CloudSync.LoadTest.Measuring;
using HdrHistogram.Utilities;
using Xunit;

namespace CloudSync.LoadTest.Tests.Measuring;

public sealed class RecorderTests
{
    private readonly Recorder _recorder = new();

    [Fact]
    public void A_message_takes_as_long_as_it_was_due()
    {
        _recorder.Acknowledged(5, Stopwatch.GetTimestamp() - (Stopwatch.Frequency * 2));

        var latency = _recorder.Latency();
        Assert.Equal((5, 5), (_recorder.Accepted, latency.Count));
        Assert.True(latency.P50 >= 1_998, $"{latency.P50} ms");
    }

    [Fact]
    public void The_first_acknowledgement_stays_the_first()
    {
        Assert.Equal(0, _recorder.SinceFirst);
        _recorder.Acknowledged(1, Stopwatch.GetTimestamp() - Stopwatch.Frequency);
        var since = Stopwatch.GetTimestamp();
        Assert.True(SpinWait.SpinUntil(() => _recorder.SinceFirst > 0.05, TimeSpan.FromSeconds(30)));

        _recorder.Acknowledged(1, Stopwatch.GetTimestamp());

        Assert.InRange(_recorder.SinceFirst, 0.05, Stopwatch.GetElapsedTime(since).TotalSeconds + 0.01);
    }

    [Fact]
    public void Messages_that_could_not_be_begun_count_with_what_they_have_waited()
    {
        _recorder.NotBegun(3, Stopwatch.Frequency);

        Assert.Equal(0, _recorder.Accepted);
        Assert.Equal(3, _recorder.Latency().Count);
        Assert.InRange(_recorder.Latency().Max, 999, 1_001);
    }

    [Fact]
    public void A_time_out_is_an_error_and_has_waited()
    {
        _recorder.TimedOut(3, Stopwatch.GetTimestamp() - (Stopwatch.Frequency * 30));

        Assert.Equal([new("time-out", 3)], _recorder.Errors);
        Assert.Equal((0, 3), (_recorder.Accepted, _recorder.Latency().Count));
        Assert.True(_recorder.Latency().P50 >= 29_900, $"{_recorder.Latency().P50} ms");
    }

    [Fact]
    public void Each_second_has_its_own_percentiles()
    {
        _recorder.Acknowledged(1, Stopwatch.GetTimestamp() - (Stopwatch.Frequency * 60));
        Assert.True(_recorder.NextSecond().P99 >= 59_900);

        _recorder.Acknowledged(1, Stopwatch.GetTimestamp());

        Assert.True(_recorder.NextSecond().P99 < 59_000);
        Assert.Equal((0, 0), _recorder.NextSecond());
        Assert.Equal(2, _recorder.Latency().Count);
    }

    [Fact]
    public void The_most_at_the_same_time_is_remembered()
    {
        _recorder.Began(1, TimeSpan.Zero);
        _recorder.Began(10, TimeSpan.FromSeconds(1));
        _recorder.Ended();
        _recorder.Began(1, TimeSpan.Zero);

        Assert.Equal(2, _recorder.MaxInFlight);
        Assert.Equal(12, _recorder.Begun);
        Assert.InRange(_recorder.Lateness().Max, 999, 1_001);
    }

    [Fact]
    public void Errors_are_counted_by_kind_and_a_full_queue_apart()
    {
        _recorder.Failed("time-out", 2);
        _recorder.Failed("HTTP 500", 1);
        _recorder.Failed("time-out", 3);
        _recorder.WasFull(7);

        Assert.Equal([new("HTTP 500", 1), new("time-out", 5)], _recorder.Errors);
        Assert.Equal(7, _recorder.QueueFull);
    }

    [Fact]
    public void The_whole_histogram_can_be_read_by_others()
    {
        _recorder.Acknowledged(1_000, Stopwatch.GetTimestamp());
        _recorder.Acknowledged(1, Stopwatch.GetTimestamp() - Stopwatch.Frequency);

        var latency = _recorder.Latency();
        var read = HdrHistogram.HistogramEncoding.DecodeFromCompressedByteBuffer(ByteBuffer.Allocate(Convert.FromBase64String(latency.Histogram)), 0);
        Assert.Equal(1_001, read.TotalCount);
        Assert.Equal(latency.Max, read.GetValueAtPercentile(100) / 1_000.0);
    }
}
