using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class OutgoingRecordTests
{
    [Fact]
    public void One_that_waits_to_be_used_again_can_not_be_settled_and_the_next_message_can_once()
    {
        var record = new OutgoingRecord();
        Fill(record);
        Assert.True(record.TrySettle());

        record.Reset();
        Assert.False(record.TrySettle());

        Fill(record);
        Assert.True(record.TrySettle());
        Assert.False(record.TrySettle());
    }

    private static void Fill(OutgoingRecord record) => record.Fill(new RecordContent { Message = { Headers = [] } }, "id", default, isValueBorrowed: false);
}
