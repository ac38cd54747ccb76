using System.Runtime.InteropServices;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class LibRdKafkaCheckTests
{
    [Fact]
    public void Functions_that_can_not_be_set_up_are_a_reason_to_read_one_by_one()
    {
        var failed = new TypeInitializationException("CloudSync.Sdk.LibRdKafka", new InvalidOperationException("A resolver is already set for the assembly."));

        var unfit = LibRdKafkaCheck.Guarded(() => throw failed);

        Assert.Equal("librdkafka's functions can't be set up: A resolver is already set for the assembly.", unfit);
    }

    [Fact]
    public void A_library_that_is_not_there_is_a_reason_to_read_one_by_one() =>
        Assert.Equal("not there", LibRdKafkaCheck.Guarded(() => throw new DllNotFoundException("not there")));

    [Fact]
    public void A_function_that_is_missing_is_named_before_anything_is_read()
    {
        var library = LibRdKafka.Load(null);

        Assert.Null(LibRdKafkaCheck.OfExports(library, LibRdKafkaCheck.Uncalled));
        Assert.Equal("the library has no function rd_kafka_of_tomorrow", LibRdKafkaCheck.OfExports(library, ["rd_kafka_version", "rd_kafka_of_tomorrow"]));
    }

    /// <summary>Those of the reader that the check neither calls nor looks up would be found to be missing in the middle of a read.</summary>
    [Fact]
    public void What_is_only_looked_up_is_there_by_that_name()
    {
        var imports = typeof(LibRdKafka).GetMethods().Select(method => method.GetCustomAttributes(typeof(LibraryImportAttribute), false).OfType<LibraryImportAttribute>().SingleOrDefault()?.EntryPoint);

        Assert.Subset(imports.OfType<string>().ToHashSet(), LibRdKafkaCheck.Uncalled.ToHashSet());
    }
}
