using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

/// <summary>The key of a message is the last digit of its number, so 11 comes after 1.</summary>
public sealed class RepeatsTests
{
    private const int Victim = 0;
    private const int Other = 1;

    [Fact]
    public void What_comes_once_is_no_repeat() => Says((0, 0, 0), Call(Victim, 0, 20, 1, 2), Call(Other, 10, 30, 3));

    [Fact]
    public void Without_a_kill_nothing_excuses_a_repeat() =>
        Assert.Equal(1, Repeats.Of([Call(Victim, 0, null, 1), Call(Other, 10, 30, 1)], new Dictionary<int, TimeSpan>(), KeyOf).ForNothing);

    [Fact]
    public void What_a_killed_process_had_no_answer_of_may_come_again_from_another() => Says((2, 0, 0), Call(Victim, 990, null, 1, 2), Call(Other, 5_000, 5_020, 2, 1));

    [Fact]
    public void An_answer_that_came_after_its_end_is_none() => Says((1, 0, 0), Call(Victim, 990, 1_010, 1), Call(Other, 5_000, 5_020, 1));

    [Fact]
    public void What_it_was_answered_in_its_last_moment_may_come_again() => Says((0, 1, 0), Call(Victim, 970, 999, 1), Call(Other, 5_000, 5_020, 1));

    [Fact]
    public void What_it_was_answered_before_may_not() => Says((0, 0, 1), Call(Victim, -500, -100, 1), Call(Other, 5_000, 5_020, 1));

    [Fact]
    public void Nor_may_what_came_before_another_one_of_its_key() => Says((0, 0, 1), Call(Victim, 950, 970, 1), Call(Victim, 980, null, 11), Call(Other, 5_000, 5_020, 1));

    [Fact]
    public void Nor_what_comes_a_third_time() => Says((1, 0, 1), Call(Victim, 990, null, 1), Call(Other, 5_000, 5_020, 1), Call(Other, 5_100, 5_120, 1));

    [Fact]
    public void Nor_what_the_same_process_sends_again() => Says((0, 0, 1), Call(Victim, 980, null, 1), Call(Victim, 990, null, 1));

    [Fact]
    public void Nor_what_came_first_from_one_that_lives()
    {
        var repeats = Repeats.Of([Call(Other, 990, null, 1), Call(2, 5_000, 5_020, 1)], new Dictionary<int, TimeSpan> { [Victim] = TimeSpan.FromMilliseconds(1_000) }, KeyOf);

        Assert.Equal((0, 0, 1), (repeats.Unanswered, repeats.LastMoment, repeats.ForNothing));
        Assert.Equal(["1 came from process 1 and again from 2"], repeats.Examples);
    }

    private static void Says((int Unanswered, int LastMoment, int ForNothing) expected, params Call[] calls)
    {
        var repeats = Repeats.Of(calls, new Dictionary<int, TimeSpan> { [Victim] = TimeSpan.FromMilliseconds(1_000) }, KeyOf);

        Assert.Equal(expected, (repeats.Unanswered, repeats.LastMoment, repeats.ForNothing));
    }

    private static int KeyOf(long number) => (int)(number % 10);

    private static Call Call(int member, int at, int? answered, params long[] numbers) =>
        new(member, TimeSpan.FromMilliseconds(at), answered is { } ms ? TimeSpan.FromMilliseconds(ms) : null, HasItsKey: true, 0, numbers);
}
