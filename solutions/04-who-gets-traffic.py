# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 04 · Who gets traffic
#
# *For maintenance we take a node's Deployment out of the endpoints list.* Who writes that list? Can
# one take something out of it? And what do users notice? In this lab you try each way, see most of
# them fail, and build one that works. 45 to 55 minutes.

# %%
from nodebynode import Lab

lab = Lab("04")

# %% [markdown]
# ## Round 1 · A list that follows labels
#
# Three Pods, and a Service. Look at its `selector`: it names a label, and no Deployment. (The
# `preStop` line lets a Pod serve for three more seconds once it has been told to stop.)

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 3
#   minReadySeconds: 1
#   selector:
#     matchLabels: {app: shop}
#   template:
#     metadata:
#       labels: {app: shop}
#     spec:
#       terminationGracePeriodSeconds: 5
#       containers:
#         - name: shop
#           image: localhost/shop:v1
#           lifecycle: {preStop: {sleep: {seconds: 3}}}
#           readinessProbe:
#             httpGet: {path: /ready, port: 8080}
#             periodSeconds: 1
# ---
# apiVersion: v1
# kind: Service
# metadata:
#   name: shop
# spec:
#   type: NodePort
#   selector: {app: shop}
#   ports: [{port: 80, targetPort: 8080}]
# YAML
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# The list is an object of its own, an **EndpointSlice**. A controller writes it. Each endpoint in it
# is a Pod's address with three conditions; here are the Pod and the first of them.

# %% language="bash"
# kubectl get endpointslices -l kubernetes.io/service-name=shop \
#   -o jsonpath='{range .items[*].endpoints[*]}{.targetRef.name}{" ready="}{.conditions.ready}{"\n"}{end}'

# %% [markdown]
# Now comes `guest`: a Pod that no Deployment made. It carries the label `app: shop`, and becomes
# ready three seconds after its start.
#
# **Guess:** while it runs and is not ready, where is it in the list? And when it is ready, how many
# ready endpoints does the Service have? (Run a cell with `...` to see what can be answered.)

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("waiting", ...)
lab.predict("waiting", "not in it")
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("guest", ...)
lab.predict("guest", 3)
### END SOLUTION

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: v1
# kind: Pod
# metadata:
#   name: guest
#   labels: {app: shop}
# spec:
#   terminationGracePeriodSeconds: 2
#   containers:
#     - name: shop
#       image: localhost/shop:v2
#       env: [{name: SHOP_READY_AFTER_SECONDS, value: "3"}]
#       readinessProbe:
#         httpGet: {path: /ready, port: 8080}
#         periodSeconds: 1
# YAML
# kubectl wait pod guest --for=jsonpath='{.status.phase}'=Running --timeout=30s
# echo "guest runs:"
# kubectl get endpointslices -l kubernetes.io/service-name=shop \
#   -o jsonpath='{range .items[*].endpoints[*]}{.targetRef.name}{" ready="}{.conditions.ready}{"\n"}{end}'
# kubectl wait pod guest --for=condition=Ready --timeout=30s
# echo "guest is ready:"
# kubectl get endpointslices -l kubernetes.io/service-name=shop \
#   -o jsonpath='{range .items[*].endpoints[*]}{.targetRef.name}{" ready="}{.conditions.ready}{"\n"}{end}'

# %%
lab.compare()

# %% [markdown]
# A label put it in, and its readiness probe switched it on. That is all that the list goes by.
#
# **Your turn.** Take `guest` out of the Service, so that it runs on untouched. `kubectl label pod
# NAME KEY-` takes a label away.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION # kubectl label pod guest ...
# kubectl label pod guest app-
# ### END SOLUTION

# %% tags=["check"]
lab.check("guest-out")

# %% [markdown]
# So that is how one takes a Pod out of the list? Nobody owns `guest`. Remember that for Round 4.
#
# ## Round 2 · From `<pending>` to an address
#
# Users of the team come through a Service of type **LoadBalancer**. That is a wish: *somebody
# outside, give me an address.* Who is somebody? On AKS it is Azure. Here a small program of this
# course plays the cloud. Switch it off:

# %% language="bash"
# nodebynode balancer off

# %% [markdown]
# **Guess:** what does a Service that becomes a LoadBalancer show as its address now?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("pending", ...)
lab.predict("pending", "the address of a node")
### END SOLUTION

# %% [markdown]
# **Your turn.** Make `shop` a Service of type `LoadBalancer`. It is one field of its `spec`, and
# `kubectl patch service shop -p '{"spec": {...}}'` changes it. Users must not notice.

# %% language="bash" tags=["exercise", "setup"]
# ### BEGIN SOLUTION # kubectl patch service shop -p ...
# kubectl patch service shop -p '{"spec": {"type": "LoadBalancer"}}'
# ### END SOLUTION

# %% tags=["check"]
lab.check("asked-for")

# %% language="bash"
# kubectl wait service shop --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=2s \
#   || echo "two seconds later there is still no address"
# kubectl get service shop

# %% [markdown]
# It would say `<pending>` for ever. Kubernetes itself has no load balancer. Call the cloud:

# %% language="bash"
# nodebynode balancer on
# kubectl patch service shop -p '{"spec": {"type": "LoadBalancer"}}'  # once more does no harm
# kubectl wait service shop --for=jsonpath='{.status.loadBalancer.ingress[0].ip}'=127.0.0.1 --timeout=30s
# kubectl get service shop

# %%
lab.compare("pending")

# %% [markdown]
# What will such a cloud look at, to know whether it may send users to a node? Not at your Pods. By
# default (`externalTrafficPolicy: Cluster`) Azure, by its documentation, opens a TCP connection to
# the Service's port **on the node**. Each node hands connections on to any ready Pod on *any* node,
# so every node looks healthy as long as one Pod is. With `Local` a node only uses its own Pods, and
# Kubernetes opens a port that tells the cloud whether there are any:

# %% language="bash"
# show='{.spec.externalTrafficPolicy}{": port to ask for health: "}{.spec.healthCheckNodePort}{"\n"}'
# kubectl get service shop -o jsonpath="$show"
# kubectl patch service shop -p '{"spec": {"externalTrafficPolicy": "Local"}}'
# kubectl get service shop -o jsonpath="$show"
# kubectl patch service shop -p '{"spec": {"externalTrafficPolicy": "Cluster"}}'

# %% [markdown]
# ## Round 3 · Equal shares of what?
#
# Three Pods are on the list. How are sixty requests shared? First `curl` runs sixty times: each
# time a new connection. Then it runs once and asks for sixty pages: one connection.
#
# **Guess** both results before you run the cell.

# %% language="bash"
# kubectl wait service shop --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=30s
# address='{.status.loadBalancer.ingress[0].ip}:{.status.loadBalancer.ingress[0].ports[0].port}'
# url=http://$(kubectl get service shop -o jsonpath="$address")
# curl --silent --output /dev/null --retry 20 --retry-all-errors --retry-delay 1 "$url/"
# echo "sixty connections:"
# for request in $(seq 60); do
# curl --silent --max-time 3 "$url/"
# done | grep -o '"pod": "[^"]*"' | sort | uniq -c
# echo "one connection:"
# curl --silent --max-time 30 "$url/?[1-60]" | grep -o '"pod": "[^"]*"' | sort | uniq -c

# %% [markdown]
# Each new **connection** goes to one of the ready endpoints, all with the same chances. Nobody counts
# requests or looks at processors. Where a connection has gone, it stays.
#
# Browsers and proxies keep their connections. `lab.load(keep_alive=N)` does, too: it uses N
# connections in turn.
#
# **Your turn.** Send a load of four seconds for which *one* of the three Pods does the work, while the
# others are just as ready. (Where the connection is busy, a request goes over another one.)

# %% tags=["exercise"]
### BEGIN SOLUTION # lab.load(seconds=4, ...)
lab.load(seconds=4, keep_alive=1)
### END SOLUTION

# %% tags=["check"]
lab.check("one-for-all")

# %% [markdown]
# With few long connections, a Service in front is no promise of equal load. And a Pod that comes
# later gets none of the connections that are there.
#
# ## Round 4 · Out of the list, by hand
#
# Now the team's plan. A node needs work, so they cordon it. **Guess:** how many endpoints leave the
# list when a Pod's node is cordoned?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("cordon", ...)
lab.predict("cordon", 1)
### END SOLUTION

# %%
lab.live()

# %% language="bash" tags=["aside"]
# node=$(kubectl get pods -l app=shop -o jsonpath='{.items[0].spec.nodeName}')
# kubectl cordon "$node"
# kubectl get endpointslices -l kubernetes.io/service-name=shop -w --request-timeout=2s || true
# kubectl uncordon "$node"

# %% tags=["aside"]
lab.compare("cordon")

# %% [markdown]
# Nobody left. A cordon speaks to the scheduler, and a Service does not ask the scheduler. (Nor does
# the cloud, says the documentation: a cordoned node stays behind the load balancer.)
#
# Then by hand: the next cell removes one endpoint from the EndpointSlice, as one would cross out a
# line. **Guess:** for how long is the Pod out?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("edited", ...)
lab.predict("edited", "until somebody puts it back")
### END SOLUTION

# %% language="bash" tags=["aside"]
# slice=$(kubectl get endpointslices -l kubernetes.io/service-name=shop -o name)
# kubectl patch "$slice" --type=json -p '[{"op": "remove", "path": "/endpoints/0"}]'
# kubectl get "$slice"
# kubectl get "$slice" -w --request-timeout=2s || true

# %% tags=["aside"]
lab.compare("edited")

# %% [markdown]
# The list is not yours. A controller works it out from labels and readiness, and puts it right within
# about a second.
#
# So change what it is worked out from. With `guest` a label was enough. Now take a Pod that a
# ReplicaSet owns. **Guess:** one Pod of `shop` loses its label `app`. Some seconds later, how many
# ready endpoints has the Service?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("released", ...)
lab.predict("released", 2)
### END SOLUTION

# %% [markdown]
# **Your turn.** Take the label `app` from one Pod of `shop`, and wait until the Deployment has all
# its Pods.

# %% language="bash" tags=["exercise"]
# pod=$(kubectl get pods -l app=shop -o name | head -1)
# ### BEGIN SOLUTION # kubectl label "$pod" ...   (then wait: kubectl rollout status ...)
# kubectl label "$pod" app-
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("still-three")

# %%
lab.compare("released")

# %% [markdown]
# It is out, and another one took its place: the ReplicaSet reads the *same label* as the Service. You
# have one Pod more, which nobody owns, no release will reach, and no drain moves. It goes, and
# `guest` with it:

# %% language="bash"
# kubectl delete pod guest --ignore-not-found
# kubectl delete pods -l '!app' --wait=false

# %% [markdown]
# ## Round 5 · Scale it to none
#
# One way is left that needs no label: `kubectl scale --replicas=0`. The Pods are then told to stop.
#
# **Guess:** while a Pod is stopping, and its process still runs, what does the list say of it?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("leaving", ...)
lab.predict("leaving", "nothing, it has left the list")
### END SOLUTION

# %%
lab.load(seconds=100)

# %% [markdown]
# The cell scales to none, prints the endpoints while the Pods are stopping, waits until they are gone,
# and brings three back.

# %% language="bash"
# kubectl scale deployment shop --replicas=0
# kubectl wait pod -l app=shop --for=jsonpath='{.metadata.deletionGracePeriodSeconds}'=5 --timeout=30s
# kubectl get endpointslices -l kubernetes.io/service-name=shop \
#   -o jsonpath='{range .items[*].endpoints[*]}{.targetRef.name}{" "}{.conditions}{"\n"}{end}'
# kubectl wait pod -l app=shop --for=delete --timeout=60s
# kubectl scale deployment shop --replicas=3
# kubectl rollout status deployment/shop --timeout=60s

# %%
lab.losses()

# %% [markdown]
# **Your turn.** Read the endpoint of a stopping Pod: `True` or `False` for each condition.

# %% tags=["exercise"]
### BEGIN SOLUTION stopping = {"ready": ..., "serving": ..., "terminating": ...}
stopping = {"ready": False, "serving": True, "terminating": True}
### END SOLUTION

# %% tags=["check"]
lab.check("read-the-line", stopping)

# %%
lab.compare("leaving")

# %% [markdown]
# A Pod that is told to stop is *not ready* at once, and stays listed until it is gone. As long as no
# endpoint is ready, nodes use those that are terminating and still serve. So the first seconds were
# saved by `preStop`; then there was nobody, and users felt it.
#
# With a Deployment for each node this would be a third of the Pods, and it would work. But what is
# scaled to none is *gone*: there is no Pod left that you could look at, test or warm up before users
# come back.
#
# ## Round 6 · A label that only the Service reads
#
# What you want is a Pod that runs, that its ReplicaSet counts, and that gets no traffic. So the
# Service has to look for a label that the ReplicaSet does not look for: `rotation: in`, say.
#
# **Your turn.** Two changes, and their order matters:
#
# - the Pods get the label: in the Deployment's `spec.template.metadata.labels`;
# - the Service's `selector` asks for it, beside `app`.
#
# The Service must have at least two ready endpoints all the time. A change of the template is a
# rollout: wait for its end.

# %% language="bash" tags=["exercise", "setup"]
# ### BEGIN SOLUTION # kubectl patch ...   (two of them, and a wait)
# kubectl patch deployment shop -p '{"spec": {"template": {"metadata": {"labels": {"rotation": "in"}}}}}'
# kubectl rollout status deployment/shop --timeout=60s
# kubectl patch service shop -p '{"spec": {"selector": {"rotation": "in"}}}'
# ### END SOLUTION

# %% tags=["check"]
lab.check("own-label")

# %% [markdown]
# ## Round 7 · Out, and nobody noticed
#
# When the Pods of the old template are gone, a load begins, with a new connection for each request.

# %%
lab.wait_gone("shop")
lab.load(seconds=100)

# %% [markdown]
# **On your own.** Take one Pod of `shop` out of rotation. It has to run on, ready, and belong to
# `shop`; no other Pod may come for it. No request may be lost. (`kubectl label` refuses to change a
# value, unless you say `--overwrite`.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# pod=$(kubectl get pods -l app=shop -o name | head -1)
# kubectl label "$pod" rotation=out --overwrite
# ### END SOLUTION

# %% [markdown]
# Let users come for three seconds more, then end the load.

# %% language="bash"
# kubectl get pods -l app=shop -L rotation
# kubectl wait pods -l rotation=out --for=delete --timeout=3s \
#   || echo "three seconds later no Pod of rotation=out has gone"

# %%
lab.losses()

# %% tags=["check"]
lab.check("out-unnoticed")

# %%
lab.map()

# %% [markdown]
# That is the team's wish, and it needs no Deployment for each node. One trap is left. **Guess:** the
# Pod that is out is deleted (or its node dies). Its ReplicaSet makes another one. Is that in the
# list?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("replaced", ...)
lab.predict("replaced", "out of it")
### END SOLUTION

# %% language="bash"
# kubectl delete pod -l rotation=out
# kubectl rollout status deployment/shop --timeout=60s
# kubectl get pods -l app=shop -L rotation

# %%
lab.compare("replaced")

# %% [markdown]
# Labels of a Pod die with it; the template says `in`. Out of rotation is good for minutes.
#
# And connections that are kept? Once more, with six of them. The cell takes a Pod out, waits, and
# prints its name. Look for that name in the report.

# %%
lab.load(seconds=100, keep_alive=6)

# %% language="bash"
# pod=$(kubectl get pods -l app=shop -o name | head -1)
# kubectl label "$pod" rotation=out --overwrite
# kubectl wait "$pod" --for=delete --timeout=3s || echo "out of the list for three seconds: $pod"

# %%
lab.losses()

# %% [markdown]
# Nothing was lost. But if one of the six connections led to that Pod, it answered on it to the end:
# the list decides where *new* connections go. How a Pod gets rid of old ones is lab 08.
#
# All that you foretold, beside what came:

# %%
lab.compare()

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# The team writes: "We take the Deployment out of the endpoints list." Answer in three sentences.
#
# <details><summary>One way to say it</summary>
#
# You cannot edit that list: a controller works it out, all the time, from the Service's selector, the
# Pods' labels and their readiness. Take the label that the ReplicaSet reads as well, and you get one
# Pod more; scale to none, and there is no Pod left; a cordon changes nothing. A label that only the
# Service reads takes a Pod out without an outage, but you hardly need it: a Pod that is told to stop
# leaves the list by itself, and a rollout or a drain does that for you, one Pod at a time.
#
# </details>
#
# ## What it came to

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back.

# %%
lab.close()
