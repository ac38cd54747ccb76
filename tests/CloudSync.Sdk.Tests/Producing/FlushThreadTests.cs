using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class FlushThreadTests
{
    private readonly List<string> _did = [];
    private readonly Queue<bool> _hurried = new();
    private int _looks;

    [Fact]
    public void It_hurries_for_as_long_as_a_flush_is_awaited()
    {
        var thread = Thread(looks: 3, hurried: [true, true, true]);

        Assert.True(thread.TryStart());
        thread.Run();

        Assert.Equal(["hurry", "hurry", "hurry"], _did);
    }

    [Fact]
    public void It_waits_before_it_asks_a_client_again_that_had_nothing()
    {
        var thread = Thread(looks: 4, hurried: [false, true, false]);

        Assert.True(thread.TryStart());
        thread.Run();

        Assert.Equal(["hurry", "wait", "hurry", "hurry"], _did);
    }

    [Fact]
    public void It_runs_once_and_then_again()
    {
        var thread = Thread(looks: 0, hurried: []);

        Assert.True(thread.TryStart());
        Assert.False(thread.TryStart());
        thread.Run();

        Assert.True(thread.TryStart());
    }

    [Fact]
    public void When_the_client_throws_the_next_flush_finds_that_nobody_runs()
    {
        var thread = new FlushThread(() => true, () => throw new NotSupportedException("a client's own"), () => { });

        Assert.True(thread.TryStart());
        Assert.Throws<NotSupportedException>(thread.Run);

        Assert.True(thread.TryStart());
    }

    [Fact]
    public void Who_comes_while_it_ends_is_served()
    {
        FlushThread? thread = null;
        var answers = new Queue<bool>([false, true, true, false, false]);
        thread = new FlushThread(() => answers.Dequeue(), () => Do("hurry", true), () => Do("wait", true));

        Assert.True(thread.TryStart());
        thread.Run();

        Assert.Equal(["hurry"], _did);
    }

    private FlushThread Thread(int looks, bool[] hurried)
    {
        _looks = looks;
        foreach (var more in hurried)
            _hurried.Enqueue(more);
        return new FlushThread(() => _looks-- > 0, () => Do("hurry", _hurried.Dequeue()), () => Do("wait", true));
    }

    private bool Do(string what, bool answer)
    {
        _did.Add(what);
        return answer;
    }
}
