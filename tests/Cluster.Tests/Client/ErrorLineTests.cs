using Granary.Client.Views;
using Grpc.Core;

namespace Granary.Cluster.Tests.Client;

public class ErrorLineTests
{
    [Fact]
    public void Defect_HasALineAndACodeOfItsOwn()
    {
        var (line, exitCode) = ErrorLine.For(new NullReferenceException("Object reference not set to an instance of an object."));
        Assert.Equal("NullReferenceException: Object reference not set to an instance of an object. This is a defect of Granary; run again with --verbose to see where.", line);
        Assert.Equal(ExitCode.Defect, exitCode);
    }

    [Fact]
    public void Connection_ThatBreaksUnderACall_IsNoDefectAndNoRefusal()
    {
        var broken = new RpcException(new(StatusCode.Internal, "Error starting gRPC call.", new HttpRequestException("gone")));
        Assert.Equal(("The server does not answer: Error starting gRPC call. Is the address right (https:// where silos have certificates), and a silo running there?", ExitCode.Failed), ErrorLine.For(broken));
        Assert.Equal(("No run is named 'x'.", ExitCode.Failed), ErrorLine.For(new RpcException(new(StatusCode.NotFound, "No run is named 'x'."))));
        Assert.Equal(ExitCode.Interrupted, ErrorLine.For(new RpcException(new(StatusCode.Cancelled, "Call canceled by the client.", new OperationCanceledException()))).ExitCode);
    }

    [Fact]
    public void Connection_ThatIsNotMadeInTime_IsNoInterruption()
    {
        var late = new OperationCanceledException("The operation was canceled.", new TaskCanceledException("The operation was canceled.", new TimeoutException("A connection could not be established.")));
        Assert.Equal(("The server does not answer: A connection could not be established. Is it there, and not too busy?", ExitCode.Failed), ErrorLine.For(new RpcException(new(StatusCode.Cancelled, "", late))));
    }
}
